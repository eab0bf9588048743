"""Seals data of an owner under keys that are derived from the server keys only, so that it opens without a link.

README.md has the format.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from crypto.errors import Unopenable
from crypto.fernet import Bytes, open_sealed, seal
from crypto.keys import ImageKey, derive
from crypto.server_keys import ServerKeys


@dataclass(frozen=True)
class OwnerSeal:
    """Seals and tags with the newest server key; opens and finds with all server keys."""

    server_keys: ServerKeys

    def seal_image_key(self, owner: UUID, image_key: ImageKey, *, at: int) -> bytes:
        """Seal an image key for its owner; ``at`` is the seal's time, in seconds since 1970.

        It can be opened only as this owner's and this image's.
        """
        key = _image_key_key(self.server_keys.newest, owner, image_key.link.row_key)
        return bytes(seal(key, image_key.secret, at=at))

    def open_image_key(self, owner: UUID, row_key: bytes, sealed: Bytes) -> ImageKey:
        """Open the image key of an owned image; raises Unopenable, also if it was copied from another owner or
        image."""
        for server_key in self.server_keys:
            try:
                return ImageKey(bytes(open_sealed(_image_key_key(server_key, owner, row_key), sealed)))
            except Unopenable:
                continue
        raise Unopenable

    def seal_account(self, owner: UUID, account: bytes, *, at: int) -> bytes:
        """Seal the secrets of an account."""
        return bytes(seal(_key(self.server_keys.newest, "account", owner), account, at=at))

    def open_account(self, owner: UUID, sealed: Bytes) -> bytes:
        """Open what ``seal_account`` sealed for this owner; raises Unopenable."""
        return self._open("account", owner, sealed)

    def seal_api_key(self, owner: UUID, api_key: bytes, *, at: int) -> bytes:
        """Seal the name and the digest of an API key for its owner."""
        return bytes(seal(_key(self.server_keys.newest, "api-key", owner), api_key, at=at))

    def open_api_key(self, owner: UUID, sealed: Bytes) -> bytes:
        """Open what ``seal_api_key`` sealed for this owner; raises Unopenable."""
        return self._open("api-key", owner, sealed)

    def api_key_tags(self, digest: bytes) -> list[bytes]:
        """Return the tags under which the digest of an API key may be stored, the newest server key's first."""
        return self._tags("mayfly/v1/api-key-tag", digest)

    def seal_cursor(self, owner: UUID, place: bytes) -> bytes:
        """Seal a place in an owner's list, so that a client can neither read nor forge it."""
        return bytes(seal(_key(self.server_keys.newest, "cursor", owner), place, at=0))

    def open_cursor(self, owner: UUID, sealed: Bytes) -> bytes:
        """Open what ``seal_cursor`` sealed for this owner; raises Unopenable."""
        return self._open("cursor", owner, sealed)

    def _open(self, label: str, owner: UUID, sealed: Bytes) -> bytes:
        for server_key in self.server_keys:
            try:
                return bytes(open_sealed(_key(server_key, label, owner), sealed))
            except Unopenable:
                continue
        raise Unopenable

    def model_tags(self, owner: UUID, model_id: str) -> list[bytes]:
        """Return the tags under which an owner's model id may be stored, the newest server key's first."""
        return self._tags(f"mayfly/v1/model/{owner.hex}", model_id.encode())

    def login_tags(self, login: str) -> list[bytes]:
        """Return the tags under which a normalised login may be stored, the newest server key's first."""
        return self._tags("mayfly/v1/login", login.encode())

    def email_tags(self, email: str) -> list[bytes]:
        """Return the tags under which a normalised email address may be stored, the newest server key's first."""
        return self._tags("mayfly/v1/email", email.encode())

    def _tags(self, label: str, value: bytes) -> list[bytes]:
        return [derive(value, label, salt=server_key) for server_key in self.server_keys]


def _key(server_key: bytes, label: str, owner: UUID) -> bytes:
    return derive(server_key, f"mayfly/v1/{label}/{owner.hex}")


def _image_key_key(server_key: bytes, owner: UUID, row_key: bytes) -> bytes:
    return derive(server_key, f"mayfly/v1/owned/{owner.hex}", salt=row_key)
