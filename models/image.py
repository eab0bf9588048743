# ruff: noqa: S608 - the statements contain only names of columns and our own SQL

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from models.base import raw_cursor
from models.ciphertext import SLOTS

ROW_BYTES = 1024
"""Bytes that an image takes whatever its size: its row, the index entries, what sealing adds, and the headers of the
rows of sealed bytes. Measured were 510 to 850 bytes (docs/operations.md)."""
SEALED_OPENING = 73
"""The length in bytes of one sealed time in the column ``opened``: crypto.OPENING_BYTES."""
VIEW_BYTES = 78
"""Bytes that are counted for each view, used or left: the length of its sealed time and a sixteenth more."""
STORED_BYTES = (
    f"(size + octet_length(details)) * 17 / 16 + {ROW_BYTES}"
    f" + {VIEW_BYTES} * (coalesce(views_left, 0) + octet_length(opened) / {SEALED_OPENING})"
)
"""How many bytes an image takes in the database, as SQL. A sixteenth is added for pages that are not full and for long
fields, which PostgreSQL splits (TOAST). Using a view does not change the result, except for the last view."""


def _column(kind: str, binary: str | None = None, *, nullable: bool = False) -> Any:
    """Return a field of ImageRow that describes its column.

    ``kind`` is the SQL type. ``binary`` is the format character of ``struct`` for the column's value in PostgreSQL's
    binary format, None if its length is not fixed.
    """
    return field(metadata={"kind": kind, "binary": binary, "nullable": nullable})


@dataclass(frozen=True)
class ImageRow:
    """The row of an image; times are in seconds since 1970.

    Mayfly writes whole seconds only. If a time has a fraction, somebody else has changed the row, and the image cannot
    be opened any more.
    """

    row_key: bytes = _column("bytea")
    manage_tag: bytes = _column("bytea", "32s")
    store: str = _column("varchar(8)")
    slot: int = _column("smallint", "h")
    size: int = _column("bigint", "q")
    views_left: int | None = _column("smallint", "h", nullable=True)
    """None if views are not limited; 0 after the last view: then the row is only the uploader's receipt."""
    created_at: float = _column("timestamptz", "d")
    expires_at: float = _column("timestamptz", "d")
    details: bytes = _column("bytea")

    @property
    def stored_bytes(self) -> int:
        """How many bytes a new image takes in the database: the result of ``STORED_BYTES``."""
        return self.content_bytes + ROW_BYTES + VIEW_BYTES * (self.views_left or 0)

    @property
    def content_bytes(self) -> int:
        """How many of the ``stored_bytes`` are freed by the last view."""
        return (self.size + len(self.details)) * 17 // 16


@dataclass(frozen=True)
class KeptRow:
    """The row of an image that has not expired, whether or not views are left.

    ``opened`` is the sealed times at which views were used; ``seconds_left`` is the time until the expiry.
    """

    row: ImageRow
    opened: bytes
    seconds_left: float


@dataclass(frozen=True)
class Ownership:
    """The owner of an image, the image key sealed for this owner, and the keyed tag of the model id if there is one."""

    owner_id: UUID
    owner_key: bytes
    model_tag: bytes | None


_NOT_EXPIRED_AT = "expires_at > {moment}"
_LIVING_AT = f"{_NOT_EXPIRED_AT} AND (views_left IS NULL OR views_left > 0)"
"""The rule of life: when an image lives, by a clock of the database."""
_NOT_EXPIRED = _NOT_EXPIRED_AT.format(moment="statement_timestamp()")
LIVING = _LIVING_AT.format(moment="statement_timestamp()")
_LIVING_AT_THIS_MOMENT = _LIVING_AT.format(moment="clock_timestamp()")
ROW_COLUMNS = {known.name: known.metadata for known in fields(ImageRow)}
"""The columns that each upload writes and each open reads, with their descriptions, in the order of ImageRow."""
_FIELDS = tuple(ROW_COLUMNS)
_OWNERSHIP = tuple(known.name for known in fields(Ownership))
_TIMES = {name for name, column in ROW_COLUMNS.items() if column["kind"] == "timestamptz"}
COLUMNS = ", ".join(f"extract(epoch FROM {name})::float8" if name in _TIMES else name for name in _FIELDS)
_VALUES = ", ".join("to_timestamp(%s)" if name in _TIMES else "%s" for name in _FIELDS)
_INSERT = f"INSERT INTO images ({', '.join(_FIELDS)}, client_tag) VALUES ({_VALUES}, %s)"
# owned_at has microseconds, created_at whole seconds: the newest image of a model is the one that was uploaded last.
_INSERT_OWNED = f"""
    INSERT INTO images ({", ".join((*_FIELDS, "client_tag", *_OWNERSHIP))}, owned_at)
    VALUES ({_VALUES}, %s, {", ".join("%s" for _ in _OWNERSHIP)}, clock_timestamp())
    """
_GOES_WITH_LAST_VIEW = {
    "size": "0",
    "details": "''::bytea",
    "client_tag": "NULL",
    "owner_key": "NULL",
    "model_tag": "NULL",
}
# One statement claims the view and writes the receipt. It may wait for another claim on the same image. PostgreSQL then
# checks the row once more, so the time must be the current one: clock_timestamp() goes on while a statement runs.
_CLAIM = f"""
    UPDATE images SET views_left = views_left - 1, opened = opened || %s,
        {
    ", ".join(
        f"{name} = CASE WHEN views_left > 1 THEN {name} ELSE {end} END"
        for name, end in _GOES_WITH_LAST_VIEW.items()
    )
}
    WHERE row_key = %s AND views_left IS NOT NULL AND {_LIVING_AT_THIS_MOMENT}
    RETURNING views_left
    """
_KEPT = f"""
    SELECT {COLUMNS}, opened, extract(epoch FROM expires_at)::float8 - extract(epoch FROM statement_timestamp())::float8
    FROM images
    WHERE row_key = ANY(%s) AND {_NOT_EXPIRED}
    """
# The inner query goes slot by slot, so that the index on (slot, expires_at) finds the expired rows and no others. Their
# keys are an array, so that PostgreSQL looks each up in the index; with IN it sometimes chooses to scan the table.
_DELETE_DEAD = text(
    """
    DELETE FROM images WHERE row_key = ANY(ARRAY(
        SELECT dead.row_key
        FROM generate_series(0, :slots - 1) AS ring(slot)
        CROSS JOIN LATERAL (
            SELECT row_key FROM images
            WHERE images.slot = ring.slot AND expires_at <= statement_timestamp()
            LIMIT :rows
        ) AS dead
        LIMIT :rows
    ))
    """
)
_DELETE = text(
    f"""
    DELETE FROM images WHERE row_key = :key AND (views_left IS NOT DISTINCT FROM 0) = :used_up
    RETURNING {STORED_BYTES}
    """
)
# The ORDER BY makes PostgreSQL use the index; with EXISTS it sometimes chooses to scan the table.
_DEAD_SLOTS = text(
    "SELECT number FROM unnest(:slots) AS number WHERE (SELECT true FROM images"
    f" WHERE slot = number AND {LIVING} ORDER BY expires_at DESC LIMIT 1) IS NOT TRUE"
)


def insertion(
    connection: Connection, row: ImageRow, ownership: Ownership | None = None, client_tag: bytes | None = None
) -> bytes:
    """Write the INSERT of an image's row; the store sends it in one message with its own statements.

    ``client_tag`` stands for the uploader's address, None if clients have no quota.
    """
    statement, values = _INSERT, (*row.__dict__.values(), client_tag)
    if ownership is not None:
        statement = _INSERT_OWNED
        values += (str(ownership.owner_id), ownership.owner_key, ownership.model_tag)
    with raw_cursor(connection) as cursor:
        return bytes(cursor.mogrify(statement, values))


def claim_view(connection: Connection, row_key: bytes, opening: bytes) -> int | None:
    """Use one view of a living image whose views are limited; return how many are left, None if there was none.

    The sealed time ``opening`` is appended to the row. The last view also clears all columns that the receipt does not
    need. Another claim on the same image waits until this transaction ends.
    """
    with raw_cursor(connection) as cursor:
        cursor.execute(_CLAIM, (opening, row_key))
        found = cursor.fetchone()
    return None if found is None else int(found[0])


def kept_rows(connection: Connection, row_keys: list[bytes]) -> list[KeptRow]:
    """Find the rows of images that have not expired, including images without any view left; in no certain order."""
    with raw_cursor(connection) as cursor:
        cursor.execute(_KEPT, (row_keys,))
        found = [with_bytes(row) for row in cursor.fetchall()]
    return [KeptRow(ImageRow(*row[:-2]), *row[-2:]) for row in found]


def with_bytes(row: Iterable[Any]) -> list[Any]:
    """Return the values of a row that psycopg2 has read, with each memoryview turned into bytes."""
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]


def delete_image(connection: Connection, row: ImageRow) -> int | None:
    """Delete an image's row; return how many bytes the image took, by ``STORED_BYTES``.

    None if the row was already gone, or if its last view was used after ``row`` was read.
    """
    values = {"key": row.row_key, "used_up": row.views_left == 0}
    freed: int | None = connection.execute(_DELETE, values).scalar_one_or_none()
    return freed


def delete_dead(connection: Connection, rows: int) -> int:
    """Delete at most ``rows`` rows of expired images; return how many were deleted."""
    return connection.execute(_DELETE_DEAD, {"slots": SLOTS, "rows": rows}).rowcount


def dead_slots(connection: Connection, slots: Iterable[int]) -> set[int]:
    """Return those of the slots that hold the sealed bytes of no living image."""
    asked = list(slots)
    return set(connection.scalars(_DEAD_SLOTS, {"slots": asked})) if asked else set()
