"""How often somebody tried a password: tags and times, and in clear neither a login, nor an image, nor an address."""

from __future__ import annotations

from sqlalchemy import Connection, text

from models.base import expired_deletion

# A token bucket: `until` moves on by a pause for each attempt, and may be ahead of the clock by no more than the pauses
# of a whole burst.
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
    """Claim an attempt: ``burst`` at once, then one every ``pause`` seconds; False if too soon."""
    return connection.execute(_CLAIM, {"tag": tag, "pause": pause, "burst": burst}).rowcount == 1


def return_guess(connection: Connection, tag: bytes, pause: float) -> None:
    """Give an attempt back, since it was the right password."""
    connection.execute(_RETURN, {"tag": tag, "pause": pause})


def forget_guesses(connection: Connection, rows: int) -> int:
    """Delete at most ``rows`` of the tags that count no more; return how many went."""
    return connection.execute(_FORGET, {"rows": rows}).rowcount
