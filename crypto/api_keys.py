"""API keys: long-lived secrets of accounts, recognised by how they begin (README.md)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from crypto.encoding import SECRET_BYTES, decode_secret, encode_secret
from crypto.errors import MalformedSecret
from crypto.keys import derive

PREFIX = "mayfly_"
"""No login token begins like that, and scanners for leaked secrets find it."""


@dataclass(frozen=True)
class ApiKey:
    """What its holder may do as the account that made it; shown once, and stored in no form that leads back to it."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> ApiKey:
        """Draw a new API key from the operating system's randomness."""
        return cls(os.urandom(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> ApiKey:
        """Read an API key from its prefix and 32 characters; raises MalformedSecret."""
        if not cls.looks_like_key(text):
            raise MalformedSecret
        return cls(decode_secret(text.removeprefix(PREFIX)))

    @staticmethod
    def looks_like_key(text: str) -> bool:
        """Tell whether a text is meant as an API key, rather than as a login token."""
        return text.startswith(PREFIX)

    @property
    def text(self) -> str:
        """The 39 characters that its owner is shown once."""
        return PREFIX + encode_secret(self.secret)

    @property
    def digest(self) -> bytes:
        """The 32 bytes that are sealed for its owner, so that the tag can be made anew under another server key."""
        return derive(self.secret, "mayfly/v1/api-key")
