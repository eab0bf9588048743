"""Several hosts of one database: which takes writes, with one that says nothing asked by one thread once in a while."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event

PAUSE_SECONDS = 5.0
"""For how long a host that said nothing is asked no more."""
SILENT_SECONDS = 1.0
"""An attempt to connect that fails only after so long was met by silence; a standby refuses within milliseconds."""
HostPort = tuple[str, str | None]


class DatabaseHosts:
    """Asks hosts in the order in which they are named, as libpq does, but for those that said nothing lately.

    libpq would wait for a dead host in each attempt, also while the others say already that they take no writes.
    """

    def __init__(self, driver: Any, pause: float = PAUSE_SECONDS) -> None:
        self._driver, self._pause = driver, pause
        self._ask_at: dict[HostPort, float] = {}

    def connect(self, given: dict[str, Any]) -> Any:
        """Connect by ``given``, in which host, and port perhaps, are lists with commas; raises OperationalError."""
        why = []
        for host, port in places(given):
            if not self._may_ask((host, port)):
                why.append(f"{host} said nothing when it was asked last")
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
        """Tell whether to ask a host; after the pause one thread may, and the others wait until it knows."""
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
    """Return hosts with their ports; one port may be that of all, and none is libpq's own.

    There are none where libpq would refuse the lists, which it says best itself, or has the addresses elsewhere.
    """
    hosts = str(given.get("host") or "").split(",")
    ports: list[str | None] = [port or None for port in str(given.get("port") or "").split(",")]
    if len(ports) == 1:
        ports *= len(hosts)
    return [] if "hostaddr" in given or len(ports) != len(hosts) else list(zip(hosts, ports, strict=True))


def ask_hosts(engine: Engine) -> None:
    """Have an engine that names several hosts connect so."""
    hosts = DatabaseHosts(engine.dialect.dbapi)

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _arguments: Any, given: dict[str, Any]) -> Any:
        return hosts.connect(given) if len(places(given)) > 1 else None
