"""Answers: images, receipts, errors, and their headers."""
