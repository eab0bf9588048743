"""Behind PgBouncer as it comes, pooling by transactions: nothing is refused, nothing is lost, nothing hangs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import embedded
from app import Mayfly, create_app, migrate
from config import Config
from database import check_connections
from environment import ConfigError
from models.session import SESSION
from tests.cast import FLOWER, SERVER_KEY, deposit
from tests.databases import read_only, run, value
from tests.processes import free_port, until

CONFIGURATION = """
[databases]
mayfly = host={sockets} user=mayfly
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
"""


@dataclass
class Pooled:
    """A database, reached directly and through PgBouncer."""

    direct: str
    url: str


@pytest.fixture
def pooled() -> Iterator[Pooled]:
    with tempfile.TemporaryDirectory() as house, embedded.running(Path(house, "data"), durable=False) as url:
        sockets, port = Path(url.rpartition("=")[2]), free_port()
        configuration = Path(house, "pgbouncer.ini")
        configuration.write_text(CONFIGURATION.format(sockets=sockets, port=port))
        user = _other_user(Path(house), sockets) if os.geteuid() == 0 else None
        log = Path(house, "log")
        with log.open("wb") as output:
            pooler = subprocess.Popen(
                ["pgbouncer", str(configuration)], stdout=output, stderr=output, user=user
            )
        try:
            assert until(lambda: _listens(port)), log.read_text()
            yield Pooled(url, f"postgresql+psycopg2://mayfly@127.0.0.1:{port}/mayfly")
        finally:
            pooler.terminate()
            pooler.wait(20)


def _other_user(house: Path, sockets: Path) -> str:
    """Let in `nobody` to this test's own database: PgBouncer refuses to run as root."""
    for path in (house, house / "data", sockets):
        path.chmod(0o755)
    data = house / "data" / "postgres"
    with (data / "pg_ident.conf").open("a") as names:
        names.write("mayfly nobody mayfly\n")
    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGHUP)
    return "nobody"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def application(pooled: Pooled, workers: int = 1) -> Mayfly:
    return create_app(
        Config(database_url=pooled.url, secret_keys=(SERVER_KEY,), purge_interval=0, workers=workers)
    )


def locks(pooled: Pooled) -> int:
    return int(value(pooled.direct, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))


def test_it_migrates_twice_and_serves(pooled: Pooled) -> None:
    for _ in range(2):
        app = application(pooled)
        migrate(app)
        assert locks(pooled) == 0, "one that stays behind stops every later start"
        client = app.test_client()
        link = deposit(client)
        assert client.get(f"/image/{link}").status_code == 200
        assert client.get("/cleanup").status_code == 200
        app.shards.home.engine.dispose()


def test_every_session_has_our_settings(pooled: Pooled) -> None:
    app = application(pooled)
    migrate(app)
    shown = text("SELECT " + ", ".join(f"current_setting('{name}')" for name in SESSION))
    engines = app.shards.home.engine, create_engine(pooled.direct)
    for engine in engines:  # the session that migrated, which PgBouncer lends again, and a new one
        with engine.connect() as connection:
            assert list(connection.execute(shown).one()) == list(SESSION.values())
        engine.dispose()


def test_the_connections_are_the_pooler_s_to_count(pooled: Pooled) -> None:
    app = application(pooled, workers=128)
    check_connections(app.settings, app.shards)
    with pytest.raises(ConfigError, match="may need 640 connections"):
        check_connections(app.settings, application(Pooled(pooled.direct, pooled.direct)).shards)


def test_a_server_that_becomes_the_primary_behind_it_is_used_at_once(pooled: Pooled) -> None:
    """PgBouncer tells each client what the first server said at its start; so the server itself is asked."""
    migrate(application(Pooled(pooled.direct, pooled.direct)))
    app = application(pooled)
    client = app.test_client()
    with read_only(pooled.direct):
        answers = [client.post("/upload", data=FLOWER, content_type="image/jpeg") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [503, 503]
    end_sessions(pooled)
    assert until(lambda: client.post("/upload", data=FLOWER, content_type="image/jpeg").status_code == 201)
    app.shards.home.engine.dispose()


def end_sessions(pooled: Pooled) -> None:
    """End PgBouncer's connections to PostgreSQL, as a restart of that does."""
    ours = "FROM pg_stat_activity WHERE application_name = 'mayfly'"
    run(pooled.direct, f"SELECT pg_terminate_backend(pid, 5000) {ours}")
