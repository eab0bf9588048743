"""The wall to SQLAlchemy holds while PostgreSQL comes and goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

from sqlalchemy import Engine, create_engine, text

from app import Mayfly
from models import db
from services import DatabaseAway
from services.database import autocommit, transaction
from tests.conftest import MakeApp


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
    with app.app_context():
        return db.engine


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


def test_a_database_that_takes_no_writes_is_away_for_uploads_and_purges_until_it_takes_them(
    make_app: MakeApp, database_url: str, flower: bytes
) -> None:
    app = make_app(threads=1)
    client, engine = app.test_client(), engine_of(app)
    upload = partial(client.post, "/upload", data=flower, content_type="image/jpeg")
    link = upload().get_json()["hash"]
    with read_only(database_url):
        engine.dispose()  # whose next connections find the setting
        for answer in (upload(), upload(), client.get("/cleanup")):
            assert answer.status_code == 503
            assert answer.get_json()["error"] == "database_away"
        assert client.get(f"/image/{link}").status_code == 200, "reading needs no writes"
    assert upload().status_code == 503, "this connection was made before the setting went"
    assert upload().status_code == 201, "that connection has left the pool"


@contextlib.contextmanager
def read_only(database_url: str) -> Iterator[None]:
    """Make new connections read-only for a block."""
    other = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.execute(text("ALTER ROLE CURRENT_USER SET default_transaction_read_only = on"))
        try:
            yield
        finally:
            connection.execute(text("ALTER ROLE CURRENT_USER RESET default_transaction_read_only"))
    other.dispose()
