"""An owner's images in the order they came: found by the owner, or by the keyed tag of a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, and_, select, tuple_

from models.image import COLUMNS, LIVING, Image, ImageRow

_TABLE = Image.__table__.c
_OWNED = select(*COLUMNS, _TABLE.owner_key, _TABLE.owned_at)
_NEWEST_FIRST = (_TABLE.owned_at.desc(), _TABLE.row_key.desc())


@dataclass(frozen=True)
class OwnedRow:
    """An owned image's row with its image key as sealed for the owner, and its place in the owner's list."""

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
    conditions = [_TABLE.owner_id == owner, LIVING]
    if model_tags is not None:
        conditions.append(_TABLE.model_tag.in_(model_tags))
    if after is not None:
        conditions.append(tuple_(_TABLE.owned_at, _TABLE.row_key) < after)
    statement = _OWNED.where(and_(*conditions)).order_by(*_NEWEST_FIRST).limit(limit)
    return [OwnedRow(ImageRow(*row[:-2]), *row[-2:]) for row in connection.execute(statement)]
