"""The pages: their templates, files, languages and texts."""
