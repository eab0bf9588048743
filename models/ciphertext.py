"""The two rings of tables that hold the sealed bytes: one that PostgreSQL logs, and an unlogged one.

A table holds the images that expire within one span of time, and emptying it is a TRUNCATE: whatever its size, that
costs no more than emptying a small one, whereas a DELETE writes WAL and leaves a dead tuple for every row.

What is in an unlogged table is not written into the WAL, so no standby and no physical backup has it, and PostgreSQL
empties the table when it recovers from a crash.
https://www.postgresql.org/docs/current/sql-createtable.html#SQL-CREATETABLE-UNLOGGED
"""

from __future__ import annotations

SLOTS = 128
SHORTEST_SPAN = 30
"""Seconds: with the default purge interval an image's bytes are removed within 40 s of its expiry."""


LOGGED, UNLOGGED = "ciphertexts", "unlogged"
"""What the names of the tables of each ring begin with."""


NAMES = {ring: tuple(f"{ring}_{slot:03}" for slot in range(SLOTS)) for ring in (LOGGED, UNLOGGED)}


def ciphertexts(slot: int, ring: str = LOGGED) -> str:
    """The name of a slot's table."""
    return NAMES[ring][slot]


def span_of(max_lifetime: int) -> int:
    """How many seconds of expiries share a slot.

    The spans are wide enough for the ring to hold ``max_lifetime`` with room to spare, so that a slot is not filled
    again before it could be emptied.
    """
    return max(SHORTEST_SPAN, -(-max_lifetime // (SLOTS - 4)))


def slot_of(expires_at: int, max_lifetime: int) -> int:
    """The slot of an image by its expiry, seconds since 1970.

    Nothing breaks when two processes disagree: the row names its slot, and a purge empties none in which something
    lives.
    """
    return expires_at // span_of(max_lifetime) % SLOTS


def end_of_slot(slot: int, max_lifetime: int, at: float) -> int:
    """When the last of what may lie in a slot expires, seconds since 1970, if ``at`` is now.

    It is the newest turn of the ring that an upload may have filled; what is left of an earlier turn counts as that.
    """
    span = span_of(max_lifetime)
    newest = int(at + max_lifetime) // span
    return (newest - (newest - slot) % SLOTS + 1) * span
