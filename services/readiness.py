"""Whether each part that the service needs works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from imaging import jail_offered
from models import now, schema_version
from services.database import autocommit
from services.errors import ServiceError
from services.orders import Orders
from services.purge_lag import PurgeClock
from services.shards import Shard, Shards

MOST_LAG_SECONDS = 60
"""How much later than PURGE_INTERVAL what is dead may still be there."""
FRESH_SECONDS = 1.0
"""How long an answer of the database is good for the next who ask."""
MOST_SKEW_SECONDS = 1.0
"""By how much the clocks of several databases may differ."""


class PartReadiness(NamedTuple):
    """Whether a part works, and one sentence that says what an operator should know about it."""

    ok: bool
    message: str
    needed: bool = True
    """Whether the service is none to send anybody to without it."""


Parts = dict[str, PartReadiness]
ShardAnswer = tuple[Parts, float | None]
UNKNOWN = PartReadiness(False, "It can't be told while the database doesn't answer.")


@dataclass(frozen=True)
class Needs:
    """What the service needs to be ready."""

    schema: str
    """The number of the newest migration that this program knows."""
    purge_interval: int
    accept_no_jail: bool
    disk_has_room: Callable[[], bool] | None
    """Tells whether the database's disk has room; None where that disk is another machine's."""
    store_answers: Callable[[], bool] | None = None
    """Asks the object store for large images; None where there is none."""


class Readiness:
    """Asks each part; cheap enough to be asked every second by everybody: the database is asked once a second."""

    def __init__(self, shards: Shards, purge_clock: PurgeClock, orders: Orders, needs: Needs) -> None:
        self._shards = shards
        self._purge_clock = purge_clock
        self._orders = orders
        self._needs = needs
        self.fresh = FRESH_SECONDS
        self._asking = threading.Lock()
        self._asked_at = -float("inf")
        self._told: Parts = {}
        self._draining = False

    def __call__(self) -> Parts:
        """Return every part by its name; raises nothing."""
        parts = {
            **self._asked(),
            "disk": self._disk(),
            "sandbox": self.sandbox(),
            "uploads": self._uploads(),
        }
        if self._draining:
            parts["draining"] = PartReadiness(
                False, "The server is ending; ask another one, or this one anew in a moment."
            )
        return parts

    def drain(self) -> None:
        """Say from now on that this server is about to end."""
        self._draining = True

    def _asked(self) -> Parts:
        """Ask database and object store, or return what they told last while another thread asks: one alone waits."""
        if self._asking.acquire(blocking=not self._told):
            try:
                if time.monotonic() - self._asked_at >= self.fresh:
                    self._told = {**self._ask(), **self._of_store()}
                    self._asked_at = time.monotonic()
            finally:
                self._asking.release()
        return self._told

    def _ask(self) -> Parts:
        told = {shard.name: self._ask_one(shard) for shard in self._shards.all}
        if len(told) == 1:
            return next(iter(told.values()))[0]
        return _of_several(told)

    def _ask_one(self, shard: Shard) -> ShardAnswer:
        """Ask one database, and by how much its clock is ahead of one that all are compared with."""
        try:
            with autocommit(shard.engine) as connection:
                ahead = now(connection) - time.monotonic() if len(self._shards.all) > 1 else None
                schema = schema_version(connection)
                migrations = self._migrations(schema)
                purge = self._purge(connection) if schema else UNKNOWN
        except ServiceError as error:
            return _without_database(str(error)), None
        except DBAPIError as error:
            return _without_database(f"It refuses what it is asked ({type(error.orig).__name__})."), None
        return {
            "database": PartReadiness(True, "It answers."),
            "migrations": migrations,
            "purge": purge,
        }, ahead

    def _of_store(self) -> Parts:
        if self._needs.store_answers is None:
            return {}
        if self._needs.store_answers():
            return {"store": PartReadiness(True, "The object store answers.")}
        why = "The object store doesn't answer, or refuses: larger images get 503, and the log says why."
        return {"store": PartReadiness(False, why, needed=False)}

    def _migrations(self, found: str | None) -> PartReadiness:
        """Accept a newer schema, too: a newer Mayfly beside this one may have brought it."""
        needed = self._needs.schema
        if found is None or found < needed:
            was = f"is at {found}" if found else "has no schema yet"
            return PartReadiness(
                False, f"The database {was}, and this Mayfly needs {needed}: run `flask db upgrade`."
            )
        return PartReadiness(True, f"The schema is at {found}.")

    def _purge(self, connection: Connection) -> PartReadiness:
        lag = max(self._purge_clock(connection))
        most = self._needs.purge_interval + MOST_LAG_SECONDS
        if lag > most:
            return PartReadiness(
                False,
                f"Something has been dead for {lag:.0f} s and is still there, and {most} s are allowed:"
                " see whether PURGE_INTERVAL is off and nobody asks for /cleanup, and what the log says of the purge.",
            )
        return PartReadiness(True, f"What is dead has been so for {lag:.0f} s at most.")

    def _disk(self) -> PartReadiness:
        if self._needs.disk_has_room is None:
            return PartReadiness(True, "The database is not Mayfly's own, and neither is its disk.")
        try:
            has_room = self._needs.disk_has_room()
        except OSError as error:
            return PartReadiness(False, f"DATA_DIR can't be looked at: {error.strerror}.")
        if not has_room:
            return PartReadiness(
                False, "The disk of DATA_DIR is nearly full, so uploads are refused: make room on it."
            )
        return PartReadiness(True, "The disk of DATA_DIR has room.")

    def _uploads(self) -> PartReadiness:
        """Tell whether uploads are on; turned off, they are as their operator wants them."""
        try:
            since = self._orders.uploads_off_since()
        except ServiceError:
            return PartReadiness(True, "Whether they are on can't be told while the database is away.")
        if since is None:
            return PartReadiness(True, "They are on.")
        moment = datetime.fromtimestamp(since, UTC)
        return PartReadiness(
            True, f"They have been off since {moment:%Y-%m-%d %H:%M:%S} UTC, by `flask uploads off`."
        )

    def sandbox(self) -> PartReadiness:
        """Tell whether decoders run in a jail, and if not, what follows."""
        jail = jail_offered()
        if jail.filtered:
            beside = f"Landlock {jail.landlock}" if jail.landlock else "no Landlock"
            return PartReadiness(
                True, f"Decoders run in a jail: a filter of system calls, and {beside} beside it."
            )
        missing = f"Decoders have no jail here ({jail.why_not})"
        if self._needs.accept_no_jail:
            return PartReadiness(
                True, f"{missing}, and ACCEPT_NO_JAIL is on: a hostile image may take over the server."
            )
        return PartReadiness(
            False,
            f"{missing}: GIF, WebP, AVIF and conversions are refused; run Mayfly where seccomp is allowed,"
            " or accept the risk by ACCEPT_NO_JAIL=true.",
        )


def _without_database(why: str) -> Parts:
    return {"database": PartReadiness(False, why), "migrations": UNKNOWN, "purge": UNKNOWN}


def _of_several(told: dict[str, ShardAnswer]) -> Parts:
    """Put together what several databases told: one that is away takes nothing from the others."""
    answering = {name: parts for name, (parts, _) in told.items() if parts["database"].ok}
    if not answering:
        return _without_database("None of the databases can be reached.")
    away = ", ".join(told.keys() - answering.keys())
    message = f"These are away, and their images with them: {away}." if away else "All of them answer."
    clocks = [ahead for _, ahead in told.values() if ahead is not None]
    skew = max(clocks) - min(clocks)
    apart = f"The clocks of the databases differ by {skew:.1f} s, and {MOST_SKEW_SECONDS:.0f} s is allowed"
    return {
        "database": PartReadiness(not away, message, needed=False),
        "migrations": _worst(answering, "migrations"),
        "purge": _worst(answering, "purge"),
        "clocks": PartReadiness(skew <= MOST_SKEW_SECONDS, f"{apart}.", needed=False),
    }


def _worst(answering: dict[str, Parts], part: str) -> PartReadiness:
    """Return what is wrong with a part of one of the databases, or else what the last one says of it."""
    for name, parts in answering.items():
        if not parts[part].ok:
            return PartReadiness(False, f"{name}: {parts[part].message}")
    return parts[part]
