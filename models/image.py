from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Connection,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    bindparam,
    cast,
    exists,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import DOUBLE_PRECISION
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Model
from models.ciphertext import SLOTS


class Image(Model):  # type: ignore[misc]
    """One small row an image; its sealed bytes are where ``store`` and ``slot`` say."""

    __tablename__ = "images"
    __table_args__ = (
        CheckConstraint("octet_length(row_key) = 32 AND octet_length(manage_tag) = 32", name="key_lengths"),
        CheckConstraint("expires_at > created_at", name="lives"),
        Index(None, "slot", "expires_at"),
    )

    row_key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    manage_tag: Mapped[bytes] = mapped_column(LargeBinary)
    store: Mapped[str] = mapped_column(String(8))
    slot: Mapped[int] = mapped_column(SmallInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    views_left: Mapped[int | None] = mapped_column(SmallInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    details: Mapped[bytes] = mapped_column(LargeBinary)


@dataclass(frozen=True)
class ImageRow:
    """What the database knows of an image; times are seconds since 1970.

    Mayfly writes whole seconds. Others come only from an expiry that was moved, and then open nothing.
    """

    row_key: bytes
    manage_tag: bytes
    store: str
    slot: int
    size: int
    views_left: int | None
    created_at: float
    expires_at: float
    details: bytes


_TABLE = Image.__table__.c
LIVING = _TABLE.expires_at > func.statement_timestamp()


def _epoch(column: ColumnElement[datetime]) -> ColumnElement[float]:
    return cast(func.extract("epoch", column), DOUBLE_PRECISION).label(column.key)


_FIND = select(
    _TABLE.row_key,
    _TABLE.manage_tag,
    _TABLE.store,
    _TABLE.slot,
    _TABLE.size,
    _TABLE.views_left,
    _epoch(_TABLE.created_at),
    _epoch(_TABLE.expires_at),
    _TABLE.details,
).where(_TABLE.row_key == bindparam("key"), LIVING)
_INSERT = Image.__table__.insert()
# Slot by slot, since that is how the index finds the dead without reading the living.
_DELETE_DEAD = text(
    """
    DELETE FROM images WHERE row_key IN (
        SELECT dead.row_key
        FROM generate_series(0, :slots - 1) AS ring(slot)
        CROSS JOIN LATERAL (
            SELECT row_key FROM images
            WHERE images.slot = ring.slot AND expires_at <= statement_timestamp()
            LIMIT :rows
        ) AS dead
        LIMIT :rows
    )
    """
)
_LIVES_IN = select(exists().where(_TABLE.slot == bindparam("in_slot"), LIVING))


def insert_image(connection: Connection, row: ImageRow) -> None:
    """Add an image's row within the caller's transaction."""
    times = {name: datetime.fromtimestamp(getattr(row, name), UTC) for name in ("created_at", "expires_at")}
    connection.execute(_INSERT, row.__dict__ | times)


def find_living(connection: Connection, row_key: bytes) -> ImageRow | None:
    """Find an image that lives by the database's clock; None for one that is missing or expired alike."""
    found = connection.execute(_FIND, {"key": row_key}).one_or_none()
    return None if found is None else ImageRow(*found)


def delete_dead(connection: Connection, rows: int) -> int:
    """Delete at most ``rows`` rows of images that have expired; return how many went."""
    return connection.execute(_DELETE_DEAD, {"slots": SLOTS, "rows": rows}).rowcount


def anything_lives_in(connection: Connection, slot: int) -> bool:
    """Tell whether the bytes of any living image are in a slot."""
    return bool(connection.execute(_LIVES_IN, {"in_slot": slot}).scalar_one())
