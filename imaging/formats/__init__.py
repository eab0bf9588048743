"""The five formats: for each a file that recognises and measures, and one that says what to keep of it."""
