"""The five formats: for each one module that walks and measures a file, and one that says what to keep of it."""
