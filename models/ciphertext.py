"""The two rings of tables (slots) that hold the sealed bytes: logged tables and unlogged tables.

Each slot holds the images that expire within the same span of time, so that a TRUNCATE removes them all. A TRUNCATE
costs the same for a large table and a small one; a DELETE writes WAL and leaves a dead tuple for every row.

The content of an unlogged table is never in the WAL, so it is on no standby and in no physical backup. PostgreSQL
empties unlogged tables when it recovers from a crash.
https://www.postgresql.org/docs/current/sql-createtable.html#SQL-CREATETABLE-UNLOGGED
"""

from __future__ import annotations

SLOTS = 128
SHORTEST_SPAN = 30
"""Seconds: with the default purge interval an image's bytes are removed within 40 s of its expiry."""


LOGGED, UNLOGGED = "ciphertexts", "unlogged"
"""The prefixes of the table names of the two rings."""


NAMES = {ring: tuple(f"{ring}_{slot:03}" for slot in range(SLOTS)) for ring in (LOGGED, UNLOGGED)}


def ciphertexts(slot: int, ring: str = LOGGED) -> str:
    """Return the name of a slot's table."""
    return NAMES[ring][slot]


def span_of(max_lifetime: int) -> int:
    """Return the length of a slot's span: images that expire within so many seconds share the slot.

    The whole ring covers more than ``max_lifetime``, so that a purge can empty a slot before uploads use it again.
    """
    return max(SHORTEST_SPAN, -(-max_lifetime // (SLOTS - 4)))


def slot_of(expires_at: int, max_lifetime: int) -> int:
    """Return the number of the slot for an image that expires at ``expires_at``, in seconds since 1970.

    Two processes may have different settings and choose different slots: an image is read from the slot that its row
    names, and a purge empties no slot that holds a living image.
    """
    return expires_at // span_of(max_lifetime) % SLOTS


def end_of_slot(slot: int, max_lifetime: int, at: float) -> int:
    """Return when the last image in a slot expires, at the latest; ``at`` is now. Both in seconds since 1970.

    That is the end of the slot's newest span that an upload at ``at`` may use. Bytes from an earlier turn of the ring
    are treated as if they belonged to this span.
    """
    span = span_of(max_lifetime)
    newest = int(at + max_lifetime) // span
    return (newest - (newest - slot) % SLOTS + 1) * span
