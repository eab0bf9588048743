"""How a row's details and image are sealed together, with or without a password (README.md, "A row")."""

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
    """Seals one row. It is made before the expiry is known: the lifetime starts after a password was stretched."""

    link: Link
    server_key: bytes = field(repr=False)
    stretched: bytes = field(repr=False)

    @classmethod
    def new(cls, link: Link, server_keys: ServerKeys, password: str | None) -> RowSeal:
        """Seal for a link, under the newest server key, and under a password where there is one."""
        return cls(link, server_keys.newest, stretch(password, link) if password else b"")

    def seal(self, details: bytes, image: Bytes, *, at: int, expires_at: int) -> tuple[bytes, SealedPieces]:
        """Seal the details, and the image piece by piece whenever it is asked for; both times in seconds since 1970."""
        outer = SealKeys.derive(self.link, self.server_key, expires_at)
        if not self.stretched:
            return seal(outer.details, PLAIN + details, at=at), SealedPieces(outer.image, image, at)
        inner = SealKeys.derive(self.link, self.server_key, expires_at, self.stretched)
        locked = LOCKED + seal(inner.details, PLAIN + details, at=at)
        return seal(outer.details, locked, at=at), SealedPieces(inner.image, image, at)


@dataclass(frozen=True)
class SealedDetails:
    """A row's details, opened as far as its link alone opens them: that tells whether a password is asked."""

    link: Link
    expires_at: int
    server_key: bytes = field(repr=False)
    keys: SealKeys = field(repr=False)
    content: bytes = field(repr=False)

    @classmethod
    def of(cls, link: Link, server_keys: ServerKeys, expires_at: int, sealed: Bytes) -> SealedDetails:
        """Open with whichever server key sealed them; details are small, so trying them is cheap.

        Raises Unopenable when none fits.
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
        """Return the keys of the row and its details; raises PasswordNeeded, WrongPassword, or
        Unopenable where their first byte is of no known type.
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
