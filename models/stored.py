"""How many bytes are stored: a counter for each slot, so that the total is a sum over a fixed number of rows."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, text

from models.image import STORED_BYTES

ADMISSION_LOCK = 0x41646D697373  # "Admiss"


# One round trip and one short transaction. The lock is taken first, so that the sum includes what its last holder has
# reserved. The commit doesn't wait for the disk: if a crash of PostgreSQL loses it, the counter is a little too low.
_RESERVE = text(
    """
    SET LOCAL synchronous_commit = off;
    SELECT pg_advisory_xact_lock(:lock);
    UPDATE stored SET bytes = bytes + :size, until = greatest(until, :expires_at)
    WHERE slot = :slot AND (SELECT sum(bytes) FROM stored) + :size <= :most
    """
)
_RELEASE = text("UPDATE stored SET bytes = greatest(bytes - :size, 0) WHERE slot = :slot")
_FORGET = text(
    "UPDATE stored SET bytes = 0 WHERE bytes <> 0 AND until <= statement_timestamp() AND slot <> ALL(:filled)"
)
_RECOUNT = text(
    f"""
    SELECT pg_advisory_xact_lock(:lock);
    UPDATE stored SET
        bytes = coalesce((SELECT sum({STORED_BYTES}) FROM images WHERE images.slot = stored.slot), 0),
        until = coalesce((SELECT max(expires_at) FROM images WHERE images.slot = stored.slot), until)
    """  # noqa: S608
)


def reserve(connection: Connection, slot: int, size: int, expires_at: int, most: int) -> bool:
    """Reserve ``size`` bytes in a slot; False if more than ``most`` bytes would be stored then.

    The connection must be in autocommit, so that other processes see the reservation at once. ``expires_at`` is in
    seconds since 1970.
    """
    moment = datetime.fromtimestamp(expires_at, UTC)
    values = {"slot": slot, "size": size, "expires_at": moment, "most": most, "lock": ADMISSION_LOCK}
    return connection.execute(_RESERVE, values).rowcount == 1


def release(connection: Connection, slot: int, size: int) -> None:
    """Give back ``size`` bytes that were reserved in a slot."""
    connection.execute(_RELEASE, {"slot": slot, "size": size})


def forget_empty(connection: Connection, filled: list[int]) -> None:
    """Set the counters of slots to 0 whose images have all expired, except the slots in ``filled``.

    ``filled`` are the slots that still hold sealed bytes. A crash may have left a counter too high; this corrects it.
    """
    connection.execute(_FORGET, {"filled": filled})


def recount(connection: Connection) -> None:
    """Set all counters by the rows of all images. A server without a limit does not keep the counters up to date."""
    connection.execute(_RECOUNT, {"lock": ADMISSION_LOCK})
