"""Limits on password attempts. The table holds keyed tags and times: no login, image or address in clear text."""

from __future__ import annotations

from sqlalchemy import Connection, text

from models.base import expired_deletion

# A token bucket, kept as one time: each attempt moves `until` forward by `pause` seconds. An attempt is refused if that
# would put `until` more than `burst` pauses ahead of the clock.
_CLAIM = text(
    """
    INSERT INTO guesses AS guess (tag, until)
    VALUES (:tag, clock_timestamp() + make_interval(secs => :pause))
    ON CONFLICT (tag) DO UPDATE
    SET until = greatest(guess.until, clock_timestamp()) + make_interval(secs => :pause)
    WHERE greatest(guess.until, clock_timestamp())
          <= clock_timestamp() + make_interval(secs => :pause * (:burst - 1))
    """
)
_RETURN = text("UPDATE guesses SET until = until - make_interval(secs => :pause) WHERE tag = :tag")
_FORGET = expired_deletion("guesses")


def claim_guess(connection: Connection, tag: bytes, pause: float, burst: int) -> bool:
    """Take a token for one attempt: ``burst`` attempts at once, then one every ``pause`` seconds; False if none is
    left."""
    return connection.execute(_CLAIM, {"tag": tag, "pause": pause, "burst": burst}).rowcount == 1


def return_guess(connection: Connection, tag: bytes, pause: float) -> None:
    """Give the token of an attempt back, because the password was right."""
    connection.execute(_RETURN, {"tag": tag, "pause": pause})


def forget_guesses(connection: Connection, rows: int) -> int:
    """Delete at most ``rows`` token buckets that are full again; return how many were deleted."""
    return connection.execute(_FORGET, {"rows": rows}).rowcount
