from __future__ import annotations

import os
from dataclasses import dataclass, field
from functools import cached_property

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from crypto.encoding import SECRET_BYTES, decode_secret, encode_secret


def derive(secret: bytes, label: str, length: int = 32, *, salt: bytes | None = None) -> bytes:
    """Derive ``length`` bytes under a label of their own with HKDF-SHA256 (RFC 5869)."""
    return HKDF(SHA256(), length, salt, label.encode("ascii")).derive(secret)


@dataclass(frozen=True)
class Link:
    """The secret in a share URL: its holder may open the image, and do nothing else."""

    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Link:
        """Read a link from its 32 characters; raises MalformedSecret."""
        return cls(decode_secret(text))

    @property
    def text(self) -> str:
        """The 32 URL-safe characters that stand in a URL."""
        return encode_secret(self.secret)

    @cached_property
    def row_key(self) -> bytes:
        """The 32 bytes the database knows the image by."""
        return derive(self.secret, "mayfly/v1/row")


@dataclass(frozen=True)
class ImageKey:
    """The uploader's secret: its holder may open, describe and delete; the link is derived from it, one way."""

    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> ImageKey:
        """Draw a new image key from the operating system's randomness."""
        return cls(os.urandom(SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> ImageKey:
        """Read an image key from its 32 characters; raises MalformedSecret."""
        return cls(decode_secret(text))

    @property
    def text(self) -> str:
        """The 32 URL-safe characters that the uploader is shown once."""
        return encode_secret(self.secret)

    @cached_property
    def link(self) -> Link:
        """The link that may be shared; it does not lead back to the image key."""
        return Link(derive(self.secret, "mayfly/v1/link", SECRET_BYTES))

    @property
    def manage_tag(self) -> bytes:
        """The 32 stored bytes that prove an image key; compare them in constant time."""
        return derive(self.secret, "mayfly/v1/manage")


@dataclass(frozen=True)
class SealKeys:
    """The two Fernet keys of a row, 32 bytes each: one for the image's bytes, one for its details."""

    image: bytes = field(repr=False)
    details: bytes = field(repr=False)

    @classmethod
    def derive(cls, link: Link, server_key: bytes, expires_at: int, stretched: bytes = b"") -> SealKeys:
        """Derive the keys of the row that ``link`` opens until ``expires_at``, whole seconds since 1970.

        The expiry is part of both keys, so a row whose expiry was changed in the database can't be opened. The
        ``stretched`` password is part of them too, where there is one.
        """
        # HKDF's first step is the same for both keys.
        pseudorandom = HKDF.extract(SHA256(), server_key, link.secret + stretched)
        image, details = (
            HKDFExpand(SHA256(), 32, f"mayfly/v1/{of}/{expires_at}".encode("ascii")).derive(pseudorandom)
            for of in ("image", "details")
        )
        return cls(image, details)
