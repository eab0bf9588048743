"""An owner's images in the order they came: found by the owner, or by the keyed tag of a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from models.base import raw_cursor
from models.image import COLUMNS, LIVING, ImageRow, with_bytes


@dataclass(frozen=True)
class OwnedRow:
    """An owned image's row with its image key as sealed for the owner, and when it came."""

    row: ImageRow
    owner_key: bytes
    owned_at: datetime

    @property
    def place(self) -> tuple[datetime, bytes]:
        """Where it stands in the order of its owner's images."""
        return self.owned_at, self.row.row_key


def list_owned(
    connection: Connection,
    owner: UUID,
    limit: int,
    *,
    model_tags: list[bytes] | None = None,
    after: tuple[datetime, bytes] | None = None,
) -> list[OwnedRow]:
    """List an owner's living images, newest first, from behind a place in that order, of one model or of all."""
    statement = f"""
        SELECT {COLUMNS}, owner_key, owned_at FROM images
        WHERE owner_id = %(owner)s AND {LIVING}
          {"" if model_tags is None else "AND model_tag = ANY(%(tags)s)"}
          {"" if after is None else "AND (owned_at, row_key) < (%(at)s, %(key)s)"}
        ORDER BY owned_at DESC, row_key DESC LIMIT %(limit)s
        """  # noqa: S608 - every part of it stands here
    at, key = after or (None, None)
    values = {"owner": str(owner), "tags": model_tags, "at": at, "key": key, "limit": limit}
    with raw_cursor(connection) as cursor:
        cursor.execute(statement, values)
        found = [with_bytes(row) for row in cursor.fetchall()]
    return [OwnedRow(ImageRow(*row[:-2]), *row[-2:]) for row in found]
