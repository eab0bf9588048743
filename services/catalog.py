from __future__ import annotations

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine

from crypto import ImageKey, OwnerSeal, Unopenable
from models import OwnedRow, Ownership, list_owned
from services.database import statements
from services.details import Details
from services.errors import BadCursor, ImageGone
from services.shelf import Opened, Shelf

MOST_SCANNED = 1000
"""How many images one page may open in search of a prefix, which shows only then; what is behind is the next page's."""
LARGEST_BATCH = 250
LONGEST_CURSOR = 200
Place = tuple[datetime, bytes]
_PLACE = struct.Struct(">q32s")  # microseconds since 1970, row key
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Entry:
    """One's own image in a list: its secrets, and its details unless a password hides them."""

    image_key: str = field(repr=False)
    link: str = field(repr=False)
    opened: Opened

    def begins_with(self, prefix: str) -> bool:
        """Tell whether the file name or the image key begins with a prefix."""
        details = self.opened.details
        return self.image_key.startswith(prefix) or (
            details is not None and details.filename.startswith(prefix)
        )


@dataclass(frozen=True)
class Page:
    """A part of a list, and the cursor of what follows; None where nothing does."""

    entries: list[Entry]
    next: str | None


class Catalog:
    """An owner's living images, newest first; nobody else's are ever looked at."""

    def __init__(self, engine: Engine, owner_seal: OwnerSeal, shelf: Shelf) -> None:
        self._engine = engine
        self._seal = owner_seal
        self._shelf = shelf

    def page(
        self,
        owner: UUID,
        limit: int,
        *,
        prefix: str = "",
        model_id: str | None = None,
        cursor: str | None = None,
    ) -> Page:
        """List at most ``limit`` images from behind ``cursor``; a place that stays while images come and go.

        Raises BadCursor, DatabaseAway.
        """
        tags = None if model_id is None else self._seal.model_tags(owner, model_id)
        after = None if cursor is None else self._read_cursor(owner, cursor)
        entries: list[Entry] = []
        place = after
        with statements(self._engine) as connection:
            for scanned, owned in enumerate(self._scan(connection, owner, limit + 1, tags, after)):
                if len(entries) == limit or scanned == MOST_SCANNED:
                    return Page(entries, self._cursor(owner, place))
                place = owned.place
                entry = self._entry(owner, owned)
                if entry is not None and entry.begins_with(prefix):
                    entries.append(entry)
        return Page(entries, None)

    def newest(self, owner: UUID, model_id: str) -> str:
        """Return the link of the newest living image of an owner's model; raises ImageGone, DatabaseAway."""
        with statements(self._engine) as connection:
            found = list_owned(connection, owner, 1, model_tags=self._seal.model_tags(owner, model_id))
        entry = self._entry(owner, found[0]) if found else None
        if entry is None:
            raise ImageGone
        return entry.link

    def _scan(
        self,
        connection: Connection,
        owner: UUID,
        wanted: int,
        tags: list[bytes] | None,
        after: Place | None,
    ) -> Iterator[OwnedRow]:
        batch = min(wanted, LARGEST_BATCH)
        while True:
            rows = list_owned(connection, owner, batch, model_tags=tags, after=after)
            yield from rows
            if len(rows) < batch:
                return
            after = rows[-1].place

    def _entry(self, owner: UUID, owned: OwnedRow) -> Entry | None:
        row = owned.row
        try:
            image_key = self._seal.open_image_key(owner, row.row_key, owned.owner_key)
            found = self._shelf.found(row, image_key.link)
        except (Unopenable, ImageGone):
            return None  # altered or moved by somebody in the database: not this owner's image any more
        plain = found.sealed.plain
        details = None if plain is None else Details.decode(plain)
        return Entry(image_key.text, image_key.link.text, Opened(row, details, row.views_left))

    def _cursor(self, owner: UUID, place: Place | None) -> str | None:
        if place is None:
            return None
        written = _PLACE.pack((place[0] - _EPOCH) // _MICROSECOND, place[1])
        return urlsafe_b64encode(self._seal.seal_cursor(owner, written)).rstrip(b"=").decode()

    def _read_cursor(self, owner: UUID, cursor: str) -> Place:
        if len(cursor) > LONGEST_CURSOR:
            raise BadCursor
        try:
            sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
            microseconds, row_key = _PLACE.unpack(self._seal.open_cursor(owner, sealed))
        except (binascii.Error, UnicodeEncodeError, Unopenable):
            raise BadCursor from None
        return _EPOCH + microseconds * _MICROSECOND, row_key


def ownership_of(
    owner_seal: OwnerSeal, owner: UUID, image_key: ImageKey, model_id: str | None, at: int
) -> Ownership:
    """Put together what makes an image its owner's, so that the owner can list and open it."""
    tag = None if model_id is None else owner_seal.model_tags(owner, model_id)[0]
    return Ownership(owner, owner_seal.seal_image_key(owner, image_key, at=at), tag)
