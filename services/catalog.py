from __future__ import annotations

import binascii
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from uuid import UUID

from sqlalchemy import Connection

from crypto import ImageKey, OwnerSeal, Unopenable
from models import OwnedRow, Ownership, list_owned
from services.database import autocommit
from services.errors import BadCursor, ImageGone
from services.image_info import Receipt
from services.living_images import LivingImages
from services.shards import Shard, Shards

MOST_SCANNED = 1000
"""How many images one page may open when it searches for a prefix: names are sealed, so each image has to be opened.
The next page continues the search."""
LARGEST_BATCH = 250
LONGEST_CURSOR = 200
FoundRow = tuple[Shard, OwnedRow]
"""An owned image, and the shard where it was found."""
Place = tuple[datetime, bytes]
_PLACE = struct.Struct(">q32s")  # microseconds since 1970, row key
_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class CatalogPage:
    """One page of a list, and the cursor of the next page, None if there is no next page."""

    images: list[Receipt]
    next: str | None


class Catalog:
    """Lists an owner's living images, newest first.

    A list is always complete: if one of several databases is away, DatabaseAway is raised.
    """

    def __init__(self, shards: Shards, owner_seal: OwnerSeal, images: LivingImages) -> None:
        self._shards = shards
        self._seal = owner_seal
        self._images = images

    def page(
        self,
        owner: UUID,
        limit: int,
        *,
        prefix: str = "",
        model_id: str | None = None,
        cursor: str | None = None,
    ) -> CatalogPage:
        """List at most ``limit`` images that follow ``cursor``, which stays valid while images are added and expire.

        With ``prefix`` only images whose file name or image key begins with it are listed, with ``model_id`` only those
        of this model. Raises BadCursor, DatabaseAway.
        """
        tags = None if model_id is None else self._seal.model_tags(owner, model_id)
        after = None if cursor is None else self._read_cursor(owner, cursor)
        images: list[Receipt] = []
        place = after
        with ExitStack() as connections:
            found = self._scan_all(connections, owner, limit + 1, tags, after)
            for scanned, (shard, owned) in enumerate(found):
                if len(images) == limit or scanned == MOST_SCANNED:
                    return CatalogPage(images, self._cursor(owner, place))
                place = owned.place
                image = self._open(owner, shard, owned)
                if image is not None and _begins_with(image, prefix):
                    images.append(image)
        return CatalogPage(images, None)

    def newest(self, owner: UUID, model_id: str) -> str:
        """Return the link of the newest living image of an owner's model; raises ImageGone, DatabaseAway."""
        with ExitStack() as connections:
            found = self._scan_all(connections, owner, 1, self._seal.model_tags(owner, model_id), None)
            newest = next(found, None)
        image = self._open(owner, *newest) if newest else None
        if image is None:
            raise ImageGone
        return image.link

    def _scan_all(
        self, connections: ExitStack, owner: UUID, wanted: int, tags: list[bytes] | None, after: Place | None
    ) -> Iterator[FoundRow]:
        """Yield the images of all shards, merged into one order by the time of upload."""
        scans = []
        for shard in self._shards.images:
            connection = connections.enter_context(autocommit(shard.engine))
            scans.append(self._scan(shard, connection, owner, wanted, tags, after))
        return merge(*scans, key=lambda found: found[1].place, reverse=True)

    def _scan(
        self,
        shard: Shard,
        connection: Connection,
        owner: UUID,
        wanted: int,
        tags: list[bytes] | None,
        after: Place | None,
    ) -> Iterator[FoundRow]:
        batch = min(wanted, LARGEST_BATCH)
        while True:
            rows = list_owned(connection, owner, batch, model_tags=tags, after=after)
            yield from ((shard, row) for row in rows)
            if len(rows) < batch:
                return
            after = rows[-1].place

    def _open(self, owner: UUID, shard: Shard, owned: OwnedRow) -> Receipt | None:
        try:
            image_key = self._seal.open_image_key(owner, owned.row.row_key, owned.owner_key)
            image = self._images.open_row(shard, owned.row, image_key.link)
            return image.receipt(image_key, image.plain_details())
        except (Unopenable, ImageGone):
            return None  # somebody has changed the row in the database, or copied it from another owner

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


def _begins_with(image: Receipt, prefix: str) -> bool:
    """Tell whether the file name or the image key begins with a prefix."""
    return image.image_key.startswith(prefix) or (
        image.details is not None and image.details.filename.startswith(prefix)
    )


def ownership_of(
    owner_seal: OwnerSeal, owner: UUID, image_key: ImageKey, model_id: str | None, at: int
) -> Ownership:
    """Make the owner's part of an image's row; ``at`` is the seal's time, in seconds since 1970."""
    tag = None if model_id is None else owner_seal.model_tags(owner, model_id)[0]
    return Ownership(owner, owner_seal.seal_image_key(owner, image_key, at=at), tag)
