"""Whether each part that the service needs works."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Engine

from imaging import jail_offered
from models import now
from services.database import autocommit
from services.errors import ServiceError
from services.orders import Orders


class PartReadiness(NamedTuple):
    """Whether a part works, and one sentence that says what an operator should know about it."""

    ok: bool
    message: str


class Readiness:
    """Asks each part; cheap enough to be asked every second."""

    def __init__(self, engine: Engine, orders: Orders, *, accept_no_jail: bool) -> None:
        self._engine = engine
        self._orders = orders
        self._accept_no_jail = accept_no_jail

    def __call__(self) -> dict[str, PartReadiness]:
        """Return every part by its name; raises nothing."""
        return {"database": self._database(), "sandbox": self.sandbox(), "uploads": self._uploads()}

    def _database(self) -> PartReadiness:
        try:
            with autocommit(self._engine) as connection:
                now(connection)
        except ServiceError as error:
            return PartReadiness(False, str(error))
        return PartReadiness(True, "It answers.")

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
        if self._accept_no_jail:
            return PartReadiness(
                True, f"{missing}, and ACCEPT_NO_JAIL is on: a hostile image may take over the server."
            )
        return PartReadiness(
            False,
            f"{missing}: GIF, WebP, AVIF and conversions are refused; run Mayfly where seccomp is allowed,"
            " or accept the risk by ACCEPT_NO_JAIL=true.",
        )
