"""How many bytes are stored, kept by slot: asking is a sum over a fixed number of rows, never a scan of images."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, text

from models.image import STORED_BYTES

ADMISSION_LOCK = 0x41646D697373  # "Admiss"


# One round trip and one short transaction. The lock comes first, so that the sum has what its last holder reserved.
# It needn't wait for the disk: a reservation that a crash of PostgreSQL loses counts a little less than is stored.
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
    """Reserve ``size`` bytes in a slot unless that would make more than ``most`` bytes in all; others see
    it at once.

    The connection must be in autocommit.
    """
    moment = datetime.fromtimestamp(expires_at, UTC)
    values = {"slot": slot, "size": size, "expires_at": moment, "most": most, "lock": ADMISSION_LOCK}
    return connection.execute(_RESERVE, values).rowcount == 1


def release(connection: Connection, slot: int, size: int) -> None:
    """Give back what was reserved."""
    connection.execute(_RELEASE, {"slot": slot, "size": size})


def forget_empty(connection: Connection, filled: list[int]) -> None:
    """Set the counts of slots to 0 whose images have all expired and whose bytes are gone; a crash may leave more."""
    connection.execute(_FORGET, {"filled": filled})


def recount(connection: Connection) -> None:
    """Count anew by the rows of all images: a run without a limit counts nothing."""
    connection.execute(_RECOUNT, {"lock": ADMISSION_LOCK})
