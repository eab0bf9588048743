"""Figures about the service, for its operator."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from models import (
    StoredImages,
    blocked_count,
    count_accounts,
    operator_state,
    schema_version,
    server_version,
    stored_images,
)
from services.database import autocommit
from services.proportional_cache import ProportionalCache
from services.purge_lag import PurgeClock, PurgeLag
from services.shards import Shard, Shards


@dataclass(frozen=True)
class StatusReport:
    """The figures of one database; they contain no secret, link or address. Sizes are in bytes, lags in seconds."""

    living_images: int
    uploads_last_minute: int
    """Uploads of the last minute whose images are still stored."""
    stored_bytes: int
    max_stored_bytes: int | None
    uploads_off_since: float | None
    """In seconds since 1970; None while uploads are on."""
    blocked: int
    oldest_dead_row: float
    """How many seconds ago it could have been purged; 0 if there is none."""
    oldest_dead_slot: float
    accounts: int
    postgresql: str
    schema: str | None


class Status:
    """Counts what the databases hold; each count reads the row of every image."""

    def __init__(self, shards: Shards, purge_clock: PurgeClock, max_stored_bytes: int | None) -> None:
        self._shards = shards
        self._purge_clock = purge_clock
        self._most = max_stored_bytes
        self._stored = ProportionalCache(self._count)

    def __call__(self) -> dict[str, StatusReport]:
        """Return the figures of each database that answers, by its name; raises DatabaseAway if none does."""
        return {shard.name: report for shard, report in self._shards.each(self._report).items()}

    def _report(self, shard: Shard) -> StatusReport:
        with autocommit(shard.engine) as connection:
            images = stored_images(connection)
            lag = self._purge_clock(connection)
            return StatusReport(
                living_images=images.living,
                uploads_last_minute=images.recent,
                stored_bytes=images.stored_bytes,
                max_stored_bytes=self._most,
                uploads_off_since=operator_state(connection).uploads_off_since,
                blocked=blocked_count(connection),
                oldest_dead_row=round(lag.rows, 1),
                oldest_dead_slot=round(lag.slots, 1),
                accounts=count_accounts(connection) if shard is self._shards.home else 0,
                postgresql=server_version(connection),
                schema=schema_version(connection),
            )

    def stored(self) -> StoredImages:
        """Return the sums over all databases; a slow count is cached (``ProportionalCache``). Not thread-safe.

        Raises DatabaseAway if any database is away.
        """
        return self._stored()

    def _count(self) -> StoredImages:
        counted = []
        for shard in self._shards.all:
            with shard.connection() as connection:
                counted.append(astuple(stored_images(connection)))
        return StoredImages(*map(sum, zip(*counted, strict=True)))

    def lag(self) -> PurgeLag:
        """Return the largest purge lags of all databases; raises DatabaseAway if any database is away."""
        lags = []
        for shard in self._shards.all:
            with shard.connection() as connection:
                lags.append(self._purge_clock(connection))
        return PurgeLag(*map(max, zip(*lags, strict=True)))
