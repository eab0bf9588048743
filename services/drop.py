from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine

from crypto import ImageKey, Link, MalformedSecret, SealKeys, ServerKeys, Unopenable, open_sealed, seal
from imaging import Limits as PictureLimits
from imaging import Picture, recognise
from models import ImageRow, find_living, insert_image, now, slot_of
from services.database import statements, transaction
from services.details import Details
from services.errors import BadLifetime, ImageGone
from storage import CiphertextGone, CiphertextStore

EXTENSIONS = {"image/jpeg": "jpg"}


@dataclass(frozen=True)
class Limits:
    """What this server allows: lifetimes in seconds, pixels as width times height."""

    lifetime: int
    max_lifetime: int
    max_pixels: int


@dataclass(frozen=True)
class Wishes:
    """What an uploader may ask for; None leaves it to the server."""

    lifetime: int | None = None
    filename: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True)
class Receipt:
    """What an uploader is told: the only time that an image key leaves the server."""

    image_key: str
    link: str
    size: int
    created_at: int
    expires_at: int
    details: Details


@dataclass(frozen=True)
class Opened:
    """A living image: its row, its details, and the keys that open its bytes."""

    row: ImageRow
    details: Details
    keys: SealKeys


class Drop:
    """Deposits images and opens them."""

    def __init__(
        self, engine: Engine, server_keys: ServerKeys, stores: Mapping[str, CiphertextStore], limits: Limits
    ) -> None:
        self._engine = engine
        self._server_keys = server_keys
        self._stores = stores
        self._store = next(iter(stores.values()))
        self._limits = limits

    def deposit(self, data: bytes | bytearray, wishes: Wishes) -> Receipt:
        """Seal an image and store it, whole or not at all.

        Raises BadLifetime, the errors of imaging for what is no good image, and DatabaseAway.
        """
        lifetime = self._limits.lifetime if wishes.lifetime is None else wishes.lifetime
        if lifetime > self._limits.max_lifetime:
            raise BadLifetime(self._limits.max_lifetime)
        picture = recognise(data, PictureLimits(max_pixels=self._limits.max_pixels))
        details = _details(data, picture, wishes)
        image_key = ImageKey.new()
        with transaction(self._engine) as connection:
            created_at = now(connection)
            expires_at = created_at + lifetime
            slot = slot_of(expires_at, self._limits.max_lifetime)
            keys = SealKeys.derive(image_key.link, self._server_keys.newest, expires_at)
            row = ImageRow(
                row_key=image_key.link.row_key,
                manage_tag=image_key.manage_tag,
                store=self._store.name,
                slot=slot,
                size=len(data),
                views_left=None,
                created_at=created_at,
                expires_at=expires_at,
                details=bytes(seal(keys.details, details.encode(), at=created_at)),
            )
            # The row goes first: a purge that locks the slot in between finds nothing there to remove yet.
            insert_image(connection, row)
            self._store.put(connection, slot, row.row_key, seal(keys.image, data, at=created_at))
        return Receipt(image_key.text, image_key.link.text, row.size, created_at, expires_at, details)

    def find(self, link_text: str) -> Opened:
        """Find a living image by its link and open its details; its bytes stay sealed.

        Raises ImageGone and DatabaseAway.
        """
        with statements(self._engine) as connection:
            return self._find(connection, link_text)

    def open(self, link_text: str) -> tuple[Opened, memoryview]:
        """Open a living image by its link: its bytes, whole and authenticated. Raises ImageGone and DatabaseAway."""
        with statements(self._engine) as connection:
            found = self._find(connection, link_text)
            row = found.row
            try:
                sealed = self._stores[row.store].fetch(connection, row.slot, row.row_key)
            except CiphertextGone:
                raise ImageGone from None
        try:
            return found, open_sealed(found.keys.image, sealed)
        except Unopenable:
            raise ImageGone from None

    def _find(self, connection: Connection, link_text: str) -> Opened:
        try:
            link = Link.parse(link_text)
        except MalformedSecret:
            raise ImageGone from None
        row = find_living(connection, link.row_key)
        if row is None or not float(row.expires_at).is_integer():
            raise ImageGone
        try:
            keys, details = self._server_keys.open_details(link, int(row.expires_at), row.details)
        except Unopenable:
            raise ImageGone from None
        return Opened(row, Details.decode(details), keys)


def _details(data: bytes | bytearray, picture: Picture, wishes: Wishes) -> Details:
    subtype = picture.media_type.removeprefix("image/")
    return Details(
        content_type=picture.media_type,
        filename=wishes.filename or f"image.{EXTENSIONS.get(picture.media_type, subtype)}",
        width=picture.width,
        height=picture.height,
        frames=picture.frames,
        sha256=sha256(data).hexdigest(),
        description=wishes.description,
        metadata=wishes.metadata,
    )
