"""Reads what clients send: headers, bodies, options; anything unknown or malformed is refused."""
