"""Processes that meet hostile bytes: whatever needs a decoder or walks a tree of boxes runs in one of them."""
