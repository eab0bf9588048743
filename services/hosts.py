"""Connects to a database with several hosts, and avoids waiting for a host that doesn't answer."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event

PAUSE_SECONDS = 5.0
"""How long a silent host is not tried."""
SILENT_SECONDS = 1.0
"""An attempt that fails after more than so long means that the host is silent; a standby refuses in milliseconds."""
HostPort = tuple[str, str | None]


class DatabaseHosts:
    """Tries the hosts in their order, as libpq does, but skips those that were silent recently.

    libpq would wait for a dead host at each attempt to connect.
    """

    def __init__(self, driver: Any, pause: float = PAUSE_SECONDS) -> None:
        self._driver, self._pause = driver, pause
        self._ask_at: dict[HostPort, float] = {}

    def connect(self, given: dict[str, Any]) -> Any:
        """Connect with the parameters ``given``; ``host``, and perhaps ``port``, are lists separated by commas.

        Raises OperationalError.
        """
        why = []
        for host, port in places(given):
            if not self._may_ask((host, port)):
                why.append(f"{host} did not answer when it was tried last")
                continue
            began = time.monotonic()
            try:
                connection = self._driver.connect(**{**given, "host": host, "port": port})
            except self._driver.OperationalError as error:
                why.append(str(error).strip())
                self._note((host, port), silent=time.monotonic() - began > SILENT_SECONDS)
            else:
                self._note((host, port), silent=False)
                return connection
        raise self._driver.OperationalError("\n".join(why))

    def _may_ask(self, place: HostPort) -> bool:
        """Tell whether to try a host; after the pause one thread tries it, and the others skip it until that is
        known."""
        known, now = self._ask_at.get(place), time.monotonic()
        if known is None:
            return True
        if now < known:
            return False
        self._ask_at[place] = now + self._pause
        return True

    def _note(self, place: HostPort, *, silent: bool) -> None:
        if silent:
            self._ask_at[place] = time.monotonic() + self._pause
        else:
            self._ask_at.pop(place, None)


def places(given: dict[str, Any]) -> list[HostPort]:
    """Return the hosts with their ports; a single port is that of all hosts, None stands for libpq's default.

    The list is empty if libpq has to handle the parameters itself: it would refuse them, or ``hostaddr`` is given.
    """
    hosts = str(given.get("host") or "").split(",")
    ports: list[str | None] = [port or None for port in str(given.get("port") or "").split(",")]
    if len(ports) == 1:
        ports *= len(hosts)
    return [] if "hostaddr" in given or len(ports) != len(hosts) else list(zip(hosts, ports, strict=True))


def ask_hosts(engine: Engine) -> None:
    """Have an engine connect through DatabaseHosts if its URL names several hosts."""
    hosts = DatabaseHosts(engine.dialect.dbapi)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _arguments: Any, given: dict[str, Any]) -> Any:
        return hosts.connect(given) if len(places(given)) > 1 else None
