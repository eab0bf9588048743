"""Seals and opens the details and the image of a row, with or without a password (README.md, "A row")."""

from __future__ import annotations

from dataclasses import dataclass, field

from crypto.errors import PasswordNeeded, Unopenable, WrongPassword
from crypto.fernet import Bytes, SealedPieces, open_sealed, seal
from crypto.keys import Link, SealKeys
from crypto.passwords import stretch
from crypto.server_keys import ServerKeys

PLAIN = b"\x00"
LOCKED = b"\x01"


@dataclass(frozen=True)
class RowSeal:
    """Seals one row. It is made before the expiry is known, since the lifetime starts after the password is
    stretched."""

    link: Link
    server_key: bytes = field(repr=False)
    stretched: bytes = field(repr=False)

    @classmethod
    def new(cls, link: Link, server_keys: ServerKeys, password: str | None) -> RowSeal:
        """Stretch the password if there is one, and return the seal for a link under the newest server key."""
        return cls(link, server_keys.newest, stretch(password, link) if password else b"")

    def seal(self, details: bytes, image: Bytes, *, at: int, expires_at: int) -> tuple[bytes, SealedPieces]:
        """Seal the details, and return them with the pieces of the image, which are sealed during the iteration.

        Both times are in seconds since 1970.
        """
        outer = SealKeys.derive(self.link, self.server_key, expires_at)
        if not self.stretched:
            return seal(outer.details, PLAIN + details, at=at), SealedPieces(outer.image, image, at)
        inner = SealKeys.derive(self.link, self.server_key, expires_at, self.stretched)
        locked = LOCKED + seal(inner.details, PLAIN + details, at=at)
        return seal(outer.details, locked, at=at), SealedPieces(inner.image, image, at)


@dataclass(frozen=True)
class SealedDetails:
    """A row's details, opened with the link only; if there is a password, ``content`` is still sealed under it."""

    link: Link
    expires_at: int
    server_key: bytes = field(repr=False)
    keys: SealKeys = field(repr=False)
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, link: Link, server_keys: ServerKeys, expires_at: int, sealed: Bytes) -> SealedDetails:
        """Open the details with the server key that fits; they are small, so trying all keys is cheap.

        Raises Unopenable if no server key fits.
        """
        for server_key in server_keys:
            keys = SealKeys.derive(link, server_key, expires_at)
            try:
                return cls(link, expires_at, server_key, keys, bytes(open_sealed(keys.details, sealed)))
            except Unopenable:
                continue
        raise Unopenable

    @property
    def asks_password(self) -> bool:
        """Whether the image opens only with a password."""
        return self.content[:1] == LOCKED

    def open(self, password: str | None) -> tuple[SealKeys, bytes]:
        """Return the keys of the row and its details; raises PasswordNeeded, WrongPassword, and Unopenable.

        Unopenable means that the first byte of the details is not a known type.
        """
        if self.content[:1] == PLAIN:
            return self.keys, self.content[len(PLAIN) :]
        if not self.asks_password:
            raise Unopenable  # a format that this version doesn't know
        if not password:
            raise PasswordNeeded
        keys = SealKeys.derive(self.link, self.server_key, self.expires_at, stretch(password, self.link))
        try:
            opened = open_sealed(keys.details, memoryview(self.content)[len(LOCKED) :])
        except Unopenable:
            raise WrongPassword from None
        return keys, bytes(opened[len(PLAIN) :])
