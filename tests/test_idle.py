"""An idle server holds no connection to PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import psycopg2
import requests

import embedded
from tests.cast import FLOWER, SERVER_KEY
from tests.processes import Served, serving, until

PATIENCE = 60
HELD = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


def test_connections_are_closed_when_nobody_asks_and_made_anew_when_somebody_does(tmp_path: Path) -> None:
    with serving(DATA_DIR=str(tmp_path), SECRET_KEYS=SERVER_KEY, PURGE_INTERVAL="5s") as server:
        link = stored(server)
        watcher = psycopg2.connect(embedded.url(tmp_path).replace("+psycopg2", ""))
        watcher.autocommit = True

        def held() -> int:
            with watcher.cursor() as cursor:
                cursor.execute(HELD)
                ((count,),) = cursor.fetchall()
                return int(count)

        assert until(lambda: held() == 0, PATIENCE)  # between two purges, each of which makes a connection
        assert requests.get(f"{server.url}/image/{link}", timeout=20).content == FLOWER
        assert stored(server) != link
        assert until(lambda: held() == 0, PATIENCE)
        watcher.close()


def stored(server: Served) -> str:
    return str(requests.post(f"{server.url}/upload", data=FLOWER, timeout=20).json()["hash"])
