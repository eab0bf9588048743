"""Checks whether each part that the service needs works, for /readyz."""

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
"""How many seconds more than PURGE_INTERVAL the purge may be behind."""
FRESH_SECONDS = 1.0
"""How long an answer of the database is reused."""
MOST_SKEW_SECONDS = 1.0
"""By how much the clocks of several databases may differ."""


class PartReadiness(NamedTuple):
    """Whether a part works, and one sentence about it for the operator."""

    ok: bool
    message: str
    needed: bool = True
    """Whether the service is not ready without this part."""


Parts = dict[str, PartReadiness]
ShardAnswer = tuple[Parts, float | None]
UNKNOWN = PartReadiness(False, "Not known while the database doesn't answer.")


@dataclass(frozen=True)
class Needs:
    """The conditions for the service to be ready."""

    schema: str
    """The number of the newest migration that this program knows."""
    purge_interval: int
    accept_no_jail: bool
    disk_has_room: Callable[[], bool] | None
    """Tells whether the database's disk has room; None if the database is not on this machine."""
    store_answers: Callable[[], bool] | None = None
    """Tells whether the object store answers; None if there is none."""


class Readiness:
    """Checks each part. It is cheap however often it is called: the database is asked at most once a second."""

    def __init__(self, shards: Shards, purge_clock: PurgeClock, orders: Orders, needs: Needs) -> None:
        self._shards = shards
        self._purge_clock = purge_clock
        self._orders = orders
        self._needs = needs
        self.fresh = FRESH_SECONDS
        self._asking = threading.Lock()
        self._asked_at = -float("inf")
        self._last_parts: Parts = {}
        self._draining = False

    def __call__(self) -> Parts:
        """Return all parts by their names; raises no error."""
        parts = {
            **self._fresh_parts(),
            "disk": self._disk(),
            "sandbox": self.sandbox(),
            "uploads": self._uploads(),
        }
        if self._draining:
            parts["draining"] = PartReadiness(
                False, "The server is shutting down; ask another one, or this one again in a moment."
            )
        return parts

    def drain(self) -> None:
        """Report from now on that this server is about to end, and so is not ready."""
        self._draining = True

    def _fresh_parts(self) -> Parts:
        """Ask the databases and the object store, or return the last answers; only one thread at a time asks."""
        if self._asking.acquire(blocking=not self._last_parts):
            try:
                if time.monotonic() - self._asked_at >= self.fresh:
                    self._last_parts = {**self._ask(), **self._of_store()}
                    self._asked_at = time.monotonic()
            finally:
                self._asking.release()
        return self._last_parts

    def _ask(self) -> Parts:
        told = {shard.name: self._ask_one(shard) for shard in self._shards.all}
        if len(told) == 1:
            return next(iter(told.values()))[0]
        return _of_several(told)

    def _ask_one(self, shard: Shard) -> ShardAnswer:
        """Ask one database for its parts; with several, also for its clock, relative to this process's monotonic
        clock."""
        try:
            with autocommit(shard.engine) as connection:
                ahead = now(connection) - time.monotonic() if len(self._shards.all) > 1 else None
                schema = schema_version(connection)
                migrations = self._migrations(schema)
                purge = self._purge(connection) if schema else UNKNOWN
        except ServiceError as error:
            return _without_database(str(error)), None
        except DBAPIError as error:
            return _without_database(f"The database refuses queries ({type(error.orig).__name__})."), None
        return {
            "database": PartReadiness(True, "The database answers."),
            "migrations": migrations,
            "purge": purge,
        }, ahead

    def _of_store(self) -> Parts:
        if self._needs.store_answers is None:
            return {}
        if self._needs.store_answers():
            return {"store": PartReadiness(True, "The object store answers.")}
        why = "The object store doesn't answer, or refuses: requests for larger images get 503, and the log says why."
        return {"store": PartReadiness(False, why, needed=False)}

    def _migrations(self, found: str | None) -> PartReadiness:
        """Check the schema; a newer one is fine, since a newer Mayfly may run beside this one."""
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
                f"The purge is {lag:.0f} s behind, and {most} s are allowed: check whether PURGE_INTERVAL is off and"
                " nobody calls /cleanup, and what the log says about the purge.",
            )
        return PartReadiness(True, f"The purge is {lag:.0f} s behind.")

    def _disk(self) -> PartReadiness:
        if self._needs.disk_has_room is None:
            return PartReadiness(
                True, "Mayfly doesn't run the database itself, so it doesn't check its disk."
            )
        try:
            has_room = self._needs.disk_has_room()
        except OSError as error:
            return PartReadiness(False, f"DATA_DIR can't be read: {error.strerror}.")
        if not has_room:
            return PartReadiness(
                False, "The disk of DATA_DIR is nearly full, so uploads are refused: free some space."
            )
        return PartReadiness(True, "The disk of DATA_DIR has enough space.")

    def _uploads(self) -> PartReadiness:
        """Tell whether uploads are on. The part is ready either way, since the operator has turned them off on
        purpose."""
        try:
            since = self._orders.uploads_off_since()
        except ServiceError:
            return PartReadiness(True, "Not known while the database doesn't answer.")
        if since is None:
            return PartReadiness(True, "Uploads are on.")
        moment = datetime.fromtimestamp(since, UTC)
        return PartReadiness(
            True, f"Uploads have been off since {moment:%Y-%m-%d %H:%M:%S} UTC, by `flask uploads off`."
        )

    def sandbox(self) -> PartReadiness:
        """Tell whether decoders run in a jail, and what follows if they don't."""
        jail = jail_offered()
        if jail.filtered:
            beside = f"Landlock {jail.landlock}" if jail.landlock else "no Landlock"
            return PartReadiness(
                True, f"Decoders run in a jail: a filter of system calls (seccomp), and {beside}."
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
    """Combine the answers of several databases; the service is ready while one of them answers."""
    answering = {name: parts for name, (parts, _) in told.items() if parts["database"].ok}
    if not answering:
        return _without_database("None of the databases can be reached.")
    away = ", ".join(told.keys() - answering.keys())
    message = f"These databases are away: {away}; their images get 503." if away else "All databases answer."
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
    """Return a part of one database: of the first in which it does not work, or else of the last one."""
    for name, parts in answering.items():
        if not parts[part].ok:
            return PartReadiness(False, f"{name}: {parts[part].message}")
    return parts[part]
