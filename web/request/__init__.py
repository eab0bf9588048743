"""What a client sends, read strictly."""
