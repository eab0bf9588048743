"""API keys: long-lived secrets of accounts, recognised by their prefix (README.md)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from crypto.encoding import SECRET_BYTES, decode_secret, encode_secret
from crypto.errors import MalformedSecret
from crypto.keys import derive

PREFIX = "mayfly_"
"""No login token begins with it, and scanners for leaked secrets can find it."""


@dataclass(frozen=True)
class ApiKey:
    """The secret of an API key. It is shown once; only its digest is stored, from which it can't be computed."""

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
        """Tell whether a text has the prefix of API keys, which no login token has."""
        return text.startswith(PREFIX)

    @property
    def text(self) -> str:
        """The key as 39 characters: the prefix and 32 URL-safe characters."""
        return PREFIX + encode_secret(self.secret)

    @property
    def digest(self) -> bytes:
        """The 32 bytes that are sealed for its owner; from these a tag can be derived under any server key."""
        return derive(self.secret, "mayfly/v1/api-key")
