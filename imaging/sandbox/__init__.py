"""Processes that meet hostile bytes, since they need a decoder or a walk of boxes, and the jail that holds them."""
