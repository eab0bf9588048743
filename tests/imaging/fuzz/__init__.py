"""Hostile files that are made to be expensive, and code that measures what they cost."""
