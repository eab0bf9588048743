"""How long Mayfly waits for a database whose machine is dead: ``python -m tests.cluster.dead_machine URL`` tells."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

from sqlalchemy import Engine, create_engine, make_url, text

from config import Config
from database import new_engine
from services.database import autocommit, watch_connections
from services.errors import DatabaseAway
from tests.cluster.network import enter, machine
from tests.processes import free_port, until

NO_NETWORK = 77
"""The status where no network of one's own is allowed."""


def main() -> None:
    """Print as JSON after how many seconds one who waits, one who asks and one who connects is told."""
    if not enter("tests.cluster.dead_machine"):
        sys.exit(NO_NETWORK)
    with machine() as far, relayed(sys.argv[1], far.address, far.under) as url:
        told: dict[str, float] = {}
        waiting, asking, connecting = (Use(told, engine(url)) for _ in range(3))
        threads = [threading.Thread(target=waiting, args=("waits", "SELECT pg_sleep(60)"))]
        threads[0].start()
        asking("connects", "SELECT 1")
        time.sleep(1)  # so that the first waits
        far.cut()
        threads += [
            threading.Thread(target=use, args=(name, "SELECT 1"))
            for name, use in (("asks", asking), ("connects", connecting))
        ]
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join()
    sys.stdout.write(json.dumps(told))


class Use:
    """One connection, and how long its use took until DatabaseAway was raised."""

    def __init__(self, told: dict[str, float], engine: Engine) -> None:
        self._told, self._engine = told, engine

    def __call__(self, name: str, statement: str) -> None:
        began = time.monotonic()
        try:
            with autocommit(self._engine) as connection:
                connection.execute(text(statement))
        except DatabaseAway:
            self._told[name] = time.monotonic() - began


def engine(url: str) -> Engine:
    """An engine as a worker of Mayfly has it."""
    made = new_engine(Config(secret_keys=()), url)
    watch_connections(made)
    return made


@contextlib.contextmanager
def relayed(database_url: str, address: str, under: tuple[str, ...]) -> Iterator[str]:
    """Have a PostgreSQL of this machine reached at another one's address; yields its URL there."""
    given, port = make_url(database_url), free_port()
    path = f"{given.query['host']}/.s.PGSQL.5432"
    command = [*under, sys.executable, "-m", "tests.cluster.relay", address, str(port), path]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as relay:
        there = given.set(host=address, port=port, query={})
        try:
            assert until(_reached(there.render_as_string(hide_password=False)))
            yield there.render_as_string(hide_password=False)
        finally:
            assert relay.stdin
            relay.stdin.close()


def _reached(url: str) -> Callable[[], bool]:
    def reached() -> bool:
        with contextlib.suppress(Exception):
            create_engine(url).connect().close()
            return True
        return False

    return reached


if __name__ == "__main__":
    main()
