"""While PostgreSQL stops and starts, no error of SQLAlchemy leaves services/database.py."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

import embedded
from addresses import parse_database_url
from app import Mayfly, create_app
from config import Config
from database import usable_database
from models import place_in_cluster
from services import DatabaseAway
from services.database import _timelines, autocommit, transaction
from services.lent import look
from tests.cast import SERVER_KEY
from tests.conftest import MakeApp
from tests.databases import read_only, value
from tests.processes import until


def test_a_connection_that_dies_unnoticed_takes_no_place_in_the_pool_with_it(
    make_app: MakeApp, database_url: str
) -> None:
    """It had answered its last statement when its backend died; giving it back must not fail, or the pool runs dry."""
    engine = engine_of(make_app(threads=1))
    other = create_engine(database_url)
    for _ in range(5):
        for _ in range(4):  # connections that were given back before
            with contextlib.suppress(DatabaseAway), autocommit(engine) as connection:
                connection.scalar(text("SELECT 1"))
        with contextlib.suppress(DatabaseAway), autocommit(engine) as connection:
            terminate(other, connection.scalar(text("SELECT pg_backend_pid()")))
    other.dispose()
    answers = []
    for _ in range(4):
        with contextlib.suppress(DatabaseAway), autocommit(engine) as connection:
            answers.append(connection.scalar(text("SELECT 1")))
    assert 1 in answers


def engine_of(app: Mayfly) -> Engine:
    """The engine as the services have it."""
    return app.shards.home.engine


def terminate(engine: Engine, pid: int) -> None:
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_statements_stand_for_themselves_and_transactions_do_not(make_app: MakeApp) -> None:
    """The same connection serves both in turn."""
    engine = engine_of(make_app(threads=1))
    with contextlib.suppress(KeyError), autocommit(engine) as connection:
        connection.execute(text("UPDATE stored SET bytes = 7 WHERE slot = 3"))
        raise KeyError
    with contextlib.suppress(KeyError), transaction(engine) as connection:
        connection.execute(text("UPDATE stored SET bytes = 8 WHERE slot = 3"))
        raise KeyError
    with autocommit(engine) as connection:
        assert connection.scalar(text("SELECT bytes FROM stored WHERE slot = 3")) == 7


def test_a_connection_that_ended_while_it_was_idle_is_replaced_before_anything_is_sent(
    make_app: MakeApp, database_url: str
) -> None:
    """After a restart of PostgreSQL each connection of each process was good for one 503."""
    engine, other = engine_of(make_app(threads=2)), create_engine(database_url)
    with contextlib.ExitStack() as open_ones:
        connections = [open_ones.enter_context(autocommit(engine)) for _ in range(3)]
        pids = [connection.scalar(text("SELECT pg_backend_pid()")) for connection in connections]
    for pid in pids:
        terminate(other, pid)
    other.dispose()
    with contextlib.ExitStack() as open_ones:
        for _ in range(3):
            connection = open_ones.enter_context(autocommit(engine))
            assert connection.scalar(text("SELECT 1")) == 1


def test_a_database_that_takes_no_writes_is_away_until_it_takes_them(
    make_app: MakeApp, database_url: str, flower: bytes
) -> None:
    """An open, too: what a standby knows is old, so it might show what was deleted."""
    app = make_app(threads=1)
    client, engine = app.test_client(), engine_of(app)
    upload = partial(client.post, "/upload", data=flower, content_type="image/jpeg")
    link = upload().get_json()["hash"]
    with read_only(database_url):
        engine.dispose()  # whose next connections find the setting
        for answer in (upload(), client.get("/cleanup"), client.get(f"/image/{link}")):
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
            assert answer.get_json()["error"] == "database_away"
        assert "can't be reached" in client.get("/readyz").get_json()["parts"]["database"]["message"]
    assert upload().status_code == 201
    assert client.get(f"/image/{link}").status_code == 200


def test_one_connection_that_takes_no_writes_any_more_ends_all_that_are_as_old(
    make_app: MakeApp, flower: bytes
) -> None:
    """Behind a pooler, connections stay while the server changes. One 503, and not one for each connection."""
    app = make_app(threads=3)
    client, engine = app.test_client(), engine_of(app)
    upload = partial(client.post, "/upload", data=flower, content_type="image/jpeg")
    with contextlib.ExitStack() as open_ones:
        connections = [open_ones.enter_context(autocommit(engine)) for _ in range(4)]
        for connection in connections:
            connection.execute(text("SET default_transaction_read_only = on"))
    assert [upload().status_code for _ in range(6)] == [503] + 5 * [201]
    with contextlib.ExitStack() as open_ones:
        connections = [open_ones.enter_context(autocommit(engine)) for _ in range(4)]
        shown = {connection.scalar(text("SHOW transaction_read_only")) for connection in connections}
        assert shown == {"off"}


def test_a_session_that_a_pooler_made_read_only_is_asked_for_the_server_s_own_setting(
    make_app: MakeApp,
) -> None:
    """PgBouncer 1.26 sets in every session what its first server reported, also when that takes writes again."""
    with autocommit(engine_of(make_app())) as connection:
        connection.execute(text("SET default_transaction_read_only = on"))
        place_in_cluster(connection.connection.driver_connection)
        assert connection.scalar(text("SHOW transaction_read_only")) == "off"


def test_a_server_that_has_gone_silent_is_waited_for_so_long_and_no_longer(
    make_app: MakeApp, database_url: str
) -> None:
    """A stopped process's kernel acknowledges what comes, so TCP alone would wait for good."""
    engine, gone = engine_of(make_app(threads=1)), threading.Event()

    def ask() -> None:
        with contextlib.suppress(DatabaseAway), autocommit(engine) as connection:
            frozen.append(connection.scalar(text("SELECT pg_backend_pid()")))
            os.kill(frozen[0], signal.SIGSTOP)
            connection.scalar(text("SELECT 1"))
        gone.set()

    frozen: list[int] = []
    asking = threading.Thread(target=ask)
    asking.start()
    try:
        assert until(lambda: bool(frozen))
        look(60)
        assert not gone.wait(0.5)
        look(0.1)
        assert gone.wait(20)
    finally:
        os.kill(frozen[0], signal.SIGCONT)
        asking.join(20)
    with autocommit(engine) as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_of_several_hosts_the_one_that_takes_writes_is_found(
    database_url: str, tmp_path: Path, flower: bytes
) -> None:
    nowhere, writable = str(tmp_path), database_url.rpartition("=")[2]
    with embedded.running(tmp_path / "other", durable=False) as other, read_only(other):
        hosts = f"{nowhere},{other.rpartition('=')[2]},{writable}"
        url = parse_database_url(f"postgresql://mayfly@/mayfly?host={hosts}")
        app = create_app(Config(database_url=url, secret_keys=(SERVER_KEY,), purge_interval=0))
        answer = app.test_client().post("/upload", data=flower, content_type="image/jpeg")
        engine_of(app).dispose()
    assert answer.status_code == 201


def test_a_primary_that_was_replaced_is_refused_by_whoever_met_its_successor(
    make_app: MakeApp, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hung goes on as if nothing had been: it would show what was deleted, and miss what was stored."""
    engine = engine_of(make_app())
    with autocommit(engine) as connection:
        found = place_in_cluster(connection.connection.driver_connection)
    assert found.cluster == value(database_url, "SELECT system_identifier FROM pg_control_system()")
    assert found.timeline == 1
    monkeypatch.setitem(_timelines, found.cluster, 2)
    engine.dispose()
    with pytest.raises(DatabaseAway), autocommit(engine):
        pass
    monkeypatch.setitem(_timelines, found.cluster, 0)
    with autocommit(engine) as older, autocommit(engine):
        pid = older.scalar(text("SELECT pg_backend_pid()"))
    monkeypatch.setitem(_timelines, found.cluster, 0)
    with contextlib.ExitStack() as open_ones:
        connections = [open_ones.enter_context(autocommit(engine)) for _ in range(3)]  # the third one is new
        assert pid in {connection.scalar(text("SELECT pg_backend_pid()")) for connection in connections}
    with autocommit(engine) as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid


HIDDEN = """
    CREATE SCHEMA hidden;
    CREATE FUNCTION hidden.pg_control_system() RETURNS TABLE (system_identifier bigint) LANGUAGE plpgsql
        AS $$ BEGIN RAISE insufficient_privilege; END $$;
    SET search_path = hidden, pg_catalog
"""


def test_a_server_that_tells_nobody_which_cluster_it_is_in_is_used_all_the_same(database_url: str) -> None:
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(HIDDEN))
        try:
            assert place_in_cluster(connection.connection.driver_connection) == (0, 0)
        finally:
            connection.execute(text("DROP SCHEMA hidden CASCADE; RESET search_path"))
    engine.dispose()


def test_a_start_waits_for_a_cluster_that_is_switching_over(
    make_app: MakeApp, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, switching = make_app(), contextlib.ExitStack()
    switching.enter_context(read_only(database_url))
    over = threading.Timer(1.5, switching.close)
    over.start()
    engine = app.shards.home.engine
    with usable_database(app.settings, [engine]), engine.connect() as connection:
        assert connection.scalar(text("SHOW transaction_read_only")) == "off"
    over.join()
    assert "can't be used yet (it takes no writes" in caplog.text
