from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    Connection,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    String,
    and_,
    bindparam,
    cast,
    exists,
    func,
    or_,
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
        Index(None, "owner_id", "owned_at", "row_key", postgresql_where=text("owner_id IS NOT NULL")),
        Index(None, "owner_id", "model_tag", "owned_at", postgresql_where=text("model_tag IS NOT NULL")),
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
    guesses_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    owned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    owner_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    model_tag: Mapped[bytes | None] = mapped_column(LargeBinary)


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


@dataclass(frozen=True)
class Ownership:
    """Whose an image is: the image key sealed for its owner, and the keyed tag of its model if it has one."""

    owner_id: UUID
    owner_key: bytes
    model_tag: bytes | None


_TABLE = Image.__table__.c
LIVING = and_(
    _TABLE.expires_at > func.statement_timestamp(),
    or_(_TABLE.views_left.is_(None), _TABLE.views_left > 0),
)


def _epoch(column: ColumnElement[datetime]) -> ColumnElement[float]:
    return cast(func.extract("epoch", column), DOUBLE_PRECISION).label(column.key)


COLUMNS = (
    _TABLE.row_key,
    _TABLE.manage_tag,
    _TABLE.store,
    _TABLE.slot,
    _TABLE.size,
    _TABLE.views_left,
    _epoch(_TABLE.created_at),
    _epoch(_TABLE.expires_at),
    _TABLE.details,
)
"""The columns of an ImageRow, in its order."""
_FIND = select(*COLUMNS).where(_TABLE.row_key == bindparam("key"), LIVING)
_INSERT = Image.__table__.insert()
# Finer than the whole seconds of created_at, so that the newest image of a model is the one that came last.
_INSERT_OWNED = _INSERT.values(owned_at=func.clock_timestamp())
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
# The view is claimed and the row is read in one statement. It waits for whoever claims the same image's view, so it
# asks for the time again when it goes on: clock_timestamp() moves while a statement runs.
_CLAIM = text(
    """
    UPDATE images SET views_left = views_left - 1
    WHERE row_key = :key AND views_left > 0 AND expires_at > clock_timestamp()
    RETURNING views_left
    """
)
_DELETE = text("DELETE FROM images WHERE row_key = :key")
# A bucket of attempts: each one moves guesses_until on, and it may run ahead of the clock by so much and no more.
_GUESS = text(
    """
    UPDATE images SET guesses_until = greatest(guesses_until, clock_timestamp()) + make_interval(secs => :pause)
    WHERE row_key = :key
      AND greatest(guesses_until, clock_timestamp())
          <= clock_timestamp() + make_interval(secs => :pause * (:burst - 1))
    """
)
_GUESSED = text(
    "UPDATE images SET guesses_until = guesses_until - make_interval(secs => :pause) WHERE row_key = :key"
)
_LIVES_IN = select(exists().where(_TABLE.slot == bindparam("in_slot"), LIVING))


def insert_image(connection: Connection, row: ImageRow, ownership: Ownership | None = None) -> None:
    """Add an image's row within the caller's transaction."""
    times = {name: datetime.fromtimestamp(getattr(row, name), UTC) for name in ("created_at", "expires_at")}
    if ownership is None:
        connection.execute(_INSERT, row.__dict__ | times)
    else:
        connection.execute(_INSERT_OWNED, row.__dict__ | times | ownership.__dict__)


def find_living(connection: Connection, row_key: bytes) -> ImageRow | None:
    """Find an image that lives by the database's clock; None for one that is missing or expired alike."""
    found = connection.execute(_FIND, {"key": row_key}).one_or_none()
    return None if found is None else ImageRow(*found)


def claim_view(connection: Connection, row_key: bytes) -> int | None:
    """Claim a view of a living image with limited views and return how many are left; None when there was none.

    Whoever claims the next one waits until this transaction ends.
    """
    claimed = connection.execute(_CLAIM, {"key": row_key}).one_or_none()
    return None if claimed is None else int(claimed[0])


def delete_image(connection: Connection, row_key: bytes) -> bool:
    """Delete one image's row; False where it was gone already."""
    return connection.execute(_DELETE, {"key": row_key}).rowcount == 1


def claim_guess(connection: Connection, row_key: bytes, pause: float, burst: int) -> bool:
    """Claim an attempt at a password: ``burst`` at once, then one every ``pause`` seconds; False if too soon."""
    return connection.execute(_GUESS, {"key": row_key, "pause": pause, "burst": burst}).rowcount == 1


def return_guess(connection: Connection, row_key: bytes, pause: float) -> None:
    """Give an attempt back: it was the right password."""
    connection.execute(_GUESSED, {"key": row_key, "pause": pause})


def delete_dead(connection: Connection, rows: int) -> int:
    """Delete at most ``rows`` rows of images that have expired; return how many went."""
    return connection.execute(_DELETE_DEAD, {"slots": SLOTS, "rows": rows}).rowcount


def anything_lives_in(connection: Connection, slot: int) -> bool:
    """Tell whether the bytes of any living image are in a slot."""
    return bool(connection.execute(_LIVES_IN, {"in_slot": slot}).scalar_one())
