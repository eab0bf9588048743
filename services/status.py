"""The state of the service in figures, for its operator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from models import (
    StoredImages,
    blocked_count,
    count_accounts,
    heard_of,
    slot_lag,
    span_of,
    stored_images,
    versions,
)
from services.database import autocommit
from storage import CiphertextStore


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
    schema: str


class Status:
    """Asks the database what it holds; each question looks at every image's row once."""

    def __init__(
        self,
        engine: Engine,
        stores: Iterable[CiphertextStore],
        max_stored_bytes: int | None,
        max_lifetime: int,
    ) -> None:
        self._engine = engine
        self._stores = tuple(stores)
        self._most = max_stored_bytes
        self._span = span_of(max_lifetime)
        self._spans_ahead = max_lifetime // self._span + 1

    def __call__(self) -> StatusReport:
        """Put every figure together; raises DatabaseAway."""
        with autocommit(self._engine) as connection:
            images = stored_images(connection)
            postgresql, schema = versions(connection)
            return StatusReport(
                living_images=images.living,
                uploads_last_minute=images.recent,
                stored_bytes=images.stored_bytes,
                max_stored_bytes=self._most,
                uploads_off_since=heard_of(connection).uploads_off_since,
                blocked=blocked_count(connection),
                oldest_dead_row=round(images.row_lag, 1),
                oldest_dead_slot=round(self._slot_lag(connection), 1),
                accounts=count_accounts(connection),
                postgresql=postgresql,
                schema=schema,
            )

    def stored(self) -> tuple[StoredImages, float]:
        """Tell what is stored, and the lag of the slots in seconds, for who asks often; raises DatabaseAway."""
        with autocommit(self._engine) as connection:
            return stored_images(connection), self._slot_lag(connection)

    def _slot_lag(self, connection: Connection) -> float:
        filled = {slot for store in self._stores for slot in store.filled(connection)}
        return slot_lag(connection, sorted(filled), self._span, self._spans_ahead)
