from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from crypto.errors import MalformedSecret

SECRET_BYTES = 24
_SECRET_TEXT = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)


def encode_secret(secret: bytes) -> str:
    """Encode 24 bytes as 32 URL-safe characters (RFC 4648 §5); 24 is a multiple of 3, so there is no padding."""
    return urlsafe_b64encode(secret).decode("ascii")


def decode_secret(text: str) -> bytes:
    """Decode 32 URL-safe characters to 24 bytes; two different texts never give the same secret.

    Raises MalformedSecret, whose message does not contain the text.
    """
    if not _SECRET_TEXT.fullmatch(text):
        raise MalformedSecret("a link or image key is 32 characters of A-Z, a-z, 0-9, - and _")
    return urlsafe_b64decode(text)
