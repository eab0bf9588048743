"""The state of the service in figures, for its operator."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from models import (
    StoredImages,
    blocked_count,
    count_accounts,
    heard_of,
    schema_version,
    server_version,
    stored_images,
)
from services.database import autocommit
from services.purge_lag import PurgeClock
from services.sparing import Sparing


@dataclass(frozen=True)
class StatusReport:
    """Figures without a secret, a link or an address; sizes in bytes, lags in seconds."""

    living_images: int
    uploads_last_minute: int
    """Those that are still stored."""
    stored_bytes: int
    max_stored_bytes: int | None
    uploads_off_since: float | None
    """In seconds since 1970; None while uploads are on."""
    blocked: int
    oldest_dead_row: float
    """Since when it could have been purged; 0 where there is none."""
    oldest_dead_slot: float
    accounts: int
    postgresql: str
    schema: str | None


class Status:
    """Asks the database what it holds; each question looks at every image's row once."""

    def __init__(self, engine: Engine, purge_clock: PurgeClock, max_stored_bytes: int | None) -> None:
        self._engine = engine
        self._purge_clock = purge_clock
        self._most = max_stored_bytes
        self._stored = Sparing(self._count)

    def __call__(self) -> StatusReport:
        """Put every figure together; raises DatabaseAway."""
        with autocommit(self._engine) as connection:
            images = stored_images(connection)
            lag = self._purge_clock(connection)
            return StatusReport(
                living_images=images.living,
                uploads_last_minute=images.recent,
                stored_bytes=images.stored_bytes,
                max_stored_bytes=self._most,
                uploads_off_since=heard_of(connection).uploads_off_since,
                blocked=blocked_count(connection),
                oldest_dead_row=round(lag.rows, 1),
                oldest_dead_slot=round(lag.slots, 1),
                accounts=count_accounts(connection),
                postgresql=server_version(connection),
                schema=schema_version(connection),
            )

    def stored(self) -> StoredImages:
        """Tell what is stored, or was at the last count, so that counting takes a fiftieth of the time at most.

        One thread at a time may call it. Raises DatabaseAway.
        """
        return self._stored()

    def _count(self) -> StoredImages:
        with autocommit(self._engine) as connection:
            return stored_images(connection)
