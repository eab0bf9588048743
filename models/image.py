# ruff: noqa: S608 - what stands in statements are names of columns

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from models.base import raw_cursor
from models.ciphertext import SLOTS

ROW_BYTES = 1024
"""What an image takes whatever its size: its row with all its indexes, what sealing adds, the headers of the
rows of sealed bytes. 510 to 850 bytes were measured (docs/operations.md)."""
SEALED_OPENING = 73
"""The length of a sealed time in ``opened``: crypto.OPENING_BYTES."""
VIEW_BYTES = 78
"""What is counted for each view, used or left: its sealed time, and a sixteenth."""
STORED_BYTES = (
    f"(size + octet_length(details)) * 17 / 16 + {ROW_BYTES}"
    f" + {VIEW_BYTES} * (coalesce(views_left, 0) + octet_length(opened) / {SEALED_OPENING})"
)
"""What an image takes in the database; a sixteenth is added for pages that are not full, and for long fields, which
PostgreSQL cuts up. A view that is used changes nothing of it, but the last one does."""


def _column(kind: str, binary: str | None = None, *, nullable: bool = False) -> Any:
    """Return a field of ImageRow with what its column is; ``binary`` is its form in PostgreSQL's binary format.

    That is written as ``struct`` has it, and None where its length is not fixed.
    """
    return field(metadata={"kind": kind, "binary": binary, "nullable": nullable})


@dataclass(frozen=True)
class ImageRow:
    """What the database knows of an image; times are seconds since 1970.

    Mayfly writes whole seconds. A fraction shows that somebody else has changed the row, and then it opens for nobody.
    """

    row_key: bytes = _column("bytea")
    manage_tag: bytes = _column("bytea", "32s")
    store: str = _column("varchar(8)")
    slot: int = _column("smallint", "h")
    size: int = _column("bigint", "q")
    views_left: int | None = _column("smallint", "h", nullable=True)
    """0 where the last view was used: what is left of the row then is the uploader's receipt."""
    created_at: float = _column("timestamptz", "d")
    expires_at: float = _column("timestamptz", "d")
    details: bytes = _column("bytea")

    @property
    def stored_bytes(self) -> int:
        """What the image takes in the database, as ``STORED_BYTES`` has it."""
        return self.content_bytes + ROW_BYTES + VIEW_BYTES * (self.views_left or 0)

    @property
    def content_bytes(self) -> int:
        """What of them goes with the last view."""
        return (self.size + len(self.details)) * 17 // 16


@dataclass(frozen=True)
class KeptRow:
    """An image's row until its expiry, used up or not; how long that is, and when its views were used, sealed."""

    row: ImageRow
    opened: bytes
    seconds_left: float


@dataclass(frozen=True)
class Ownership:
    """Whose an image is: the image key sealed for its owner, and the keyed tag of its model if it has one."""

    owner_id: UUID
    owner_key: bytes
    model_tag: bytes | None


LIVING = "expires_at > statement_timestamp() AND (views_left IS NULL OR views_left > 0)"
"""The rule of life, by the database's clock."""
ROW_COLUMNS = {known.name: known.metadata for known in fields(ImageRow)}
"""The columns that each upload writes and each open reads, in the order of ImageRow, and what each of them is."""
_FIELDS = tuple(ROW_COLUMNS)
_OWNERSHIP = tuple(known.name for known in fields(Ownership))
_TIMES = {name for name, column in ROW_COLUMNS.items() if column["kind"] == "timestamptz"}
COLUMNS = ", ".join(f"extract(epoch FROM {name})::float8" if name in _TIMES else name for name in _FIELDS)
_VALUES = ", ".join("to_timestamp(%s)" if name in _TIMES else "%s" for name in _FIELDS)
_INSERT = f"INSERT INTO images ({', '.join(_FIELDS)}, client_tag) VALUES ({_VALUES}, %s)"
# owned_at is finer than the whole seconds of created_at: the newest image of a model is the one that came last.
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
# The view is claimed and its receipt written in one statement. It waits for other claims of the same image's views, so
# it asks for the time again when it goes on: clock_timestamp() moves while a statement runs.
_CLAIM = f"""
    UPDATE images SET views_left = views_left - 1, opened = opened || %s,
        {
    ", ".join(
        f"{name} = CASE WHEN views_left > 1 THEN {name} ELSE {end} END"
        for name, end in _GOES_WITH_LAST_VIEW.items()
    )
}
    WHERE row_key = %s AND views_left > 0 AND expires_at > clock_timestamp()
    RETURNING views_left
    """
_KEPT = f"""
    SELECT {COLUMNS}, opened, extract(epoch FROM expires_at)::float8 - extract(epoch FROM statement_timestamp())::float8
    FROM images
    WHERE row_key = ANY(%s) AND expires_at > statement_timestamp()
    """
# Slot by slot, so that the index on (slot, expires_at) finds the expired rows without reading others. As an array their
# keys are looked up one by one; with IN, PostgreSQL at times reads all rows there are to find these.
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
# In order, so that the index is looked at; for EXISTS, PostgreSQL at times begins to read all rows there are.
_LIVES_IN = text(
    f"SELECT (SELECT true FROM images WHERE slot = :slot AND {LIVING} ORDER BY expires_at DESC LIMIT 1) IS TRUE"
)


def insertion(
    connection: Connection, row: ImageRow, ownership: Ownership | None = None, client_tag: bytes | None = None
) -> bytes:
    """Write the statement that adds an image's row, for a store that runs it together with its own."""
    statement, values = _INSERT, (*row.__dict__.values(), client_tag)
    if ownership is not None:
        statement = _INSERT_OWNED
        values += (str(ownership.owner_id), ownership.owner_key, ownership.model_tag)
    with raw_cursor(connection) as cursor:
        return bytes(cursor.mogrify(statement, values))


def claim_view(connection: Connection, row_key: bytes, opening: bytes) -> int | None:
    """Claim a view of a living image with limited views and tell how many are left; None when none was left.

    The sealed time ``opening`` is added to the row, and with the last view everything goes from it that is no receipt.
    Whoever claims the next one waits until this transaction ends.
    """
    with raw_cursor(connection) as cursor:
        cursor.execute(_CLAIM, (opening, row_key))
        found = cursor.fetchone()
    return None if found is None else int(found[0])


def kept_rows(connection: Connection, row_keys: list[bytes]) -> list[KeptRow]:
    """Find the rows of images that have not expired, those whose views are used up too, in any order."""
    with raw_cursor(connection) as cursor:
        cursor.execute(_KEPT, (row_keys,))
        found = [with_bytes(row) for row in cursor.fetchall()]
    return [KeptRow(ImageRow(*row[:-2]), *row[-2:]) for row in found]


def with_bytes(row: Iterable[Any]) -> list[Any]:
    """Return the values of a row that psycopg2 read, with bytes in place of memoryviews."""
    return [bytes(value) if isinstance(value, memoryview) else value for value in row]


def delete_image(connection: Connection, row: ImageRow) -> int | None:
    """Delete one image's row and return what it took, as ``STORED_BYTES`` has it.

    None where it was gone already, or was used up since it was read.
    """
    values = {"key": row.row_key, "used_up": row.views_left == 0}
    freed: int | None = connection.execute(_DELETE, values).scalar_one_or_none()
    return freed


def delete_dead(connection: Connection, rows: int) -> int:
    """Delete at most ``rows`` rows of images that have expired; return how many went."""
    return connection.execute(_DELETE_DEAD, {"slots": SLOTS, "rows": rows}).rowcount


def anything_lives_in(connection: Connection, slot: int) -> bool:
    """Tell whether the bytes of any living image are in a slot."""
    return bool(connection.execute(_LIVES_IN, {"slot": slot}).scalar_one())
