"""Whether each part that the service needs works."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine

from imaging import jail_offered
from models import now
from services.database import autocommit
from services.errors import ServiceError


class PartReadiness(NamedTuple):
    """Whether a part works, and one sentence that says what an operator should know about it."""

    ok: bool
    message: str


class Readiness:
    """Asks each part; cheap enough to be asked every second."""

    def __init__(self, engine: Engine, *, accept_no_jail: bool) -> None:
        self._engine = engine
        self._accept_no_jail = accept_no_jail
        self._draining = False

    def __call__(self) -> dict[str, PartReadiness]:
        """Return every part by its name; raises nothing."""
        parts = {"database": self._database(), "sandbox": self.sandbox()}
        if self._draining:
            parts["draining"] = PartReadiness(
                False, "The server is ending; ask another one, or this one anew in a moment."
            )
        return parts

    def drain(self) -> None:
        """Say from now on that this server is about to end."""
        self._draining = True

    def _database(self) -> PartReadiness:
        try:
            with autocommit(self._engine) as connection:
                now(connection)
        except ServiceError as error:
            return PartReadiness(False, str(error))
        return PartReadiness(True, "It answers.")

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
