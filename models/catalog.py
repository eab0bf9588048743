"""Lists an owner's images by the time of their upload: all of them, or those with the keyed tag of one model id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from models.base import raw_cursor
from models.image import COLUMNS, LIVING, ImageRow, with_bytes


@dataclass(frozen=True)
class OwnedRow:
    """The row of an owned image, its image key sealed for the owner, and the time of its upload."""

    row: ImageRow
    owner_key: bytes
    owned_at: datetime

    @property
    def place(self) -> tuple[datetime, bytes]:
        """Its position in the owner's list: the sort key."""
        return self.owned_at, self.row.row_key


def list_owned(
    connection: Connection,
    owner: UUID,
    limit: int,
    *,
    model_tags: list[bytes] | None = None,
    after: tuple[datetime, bytes] | None = None,
) -> list[OwnedRow]:
    """List at most ``limit`` of an owner's living images, newest first.

    ``after`` is the place of the last image of the page before. With ``model_tags`` only images of one model are
    listed.
    """
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
