"""Accounts that nobody uses are deleted, and no others."""

from __future__ import annotations

from uuid import UUID

import pytest
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import Engine, text

from app import Mayfly, know_migrations
from models import OPEN_CATALOG
from services import purge
from tests.cast import PASSWORD, log_in, register, told
from tests.services.test_quota import engine_of
from tests.test_migrations import empty_app

__all__ = ["empty_app"]


def open_account(client: FlaskClient, login: str) -> None:
    asked = {"login": login, "email": f"{login}@example.org", "password": PASSWORD}
    assert client.post("/api/registration", json=asked).status_code == 201


def age(engine: Engine, by: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE owners SET created_at = now() - interval '{by}'"))


def accounts(engine: Engine) -> int:
    with engine.connect() as connection:
        statement = text("SELECT count(*) FROM owners WHERE id <> :open")
        return int(connection.execute(statement, {"open": OPEN_CATALOG}).scalar_one())


@pytest.mark.parametrize(("by", "left"), [("23 hours 59 minutes", 1), ("24 hours 1 minute", 0)])
def test_an_account_that_nobody_logged_in_to_goes_after_a_day(app: Mayfly, by: str, left: int) -> None:
    engine = engine_of(app)
    open_account(app.test_client(), "nobody")
    age(engine, by)
    assert app.purge() == 0
    assert accounts(engine) == left
    open_account(app.test_client(), "nobody" if not left else "somebody")


def test_one_login_keeps_it_for_good(app: Mayfly) -> None:
    client, engine = app.test_client(), engine_of(app)
    register(client)
    log_in(client)
    age(engine, "400 days")
    app.purge()
    assert accounts(engine) == 1
    assert log_in(client)


def test_a_wrong_password_keeps_nothing(app: Mayfly) -> None:
    client, engine = app.test_client(), engine_of(app)
    open_account(client, "alice")
    assert client.post("/api/login", json={"login": "alice", "password": "wrong"}).status_code == 401
    age(engine, "2 days")
    app.purge()
    assert accounts(engine) == 0


def test_what_owns_something_stays_and_so_does_everybody_s_catalog(app: Mayfly) -> None:
    client, engine = app.test_client(), engine_of(app)
    told(client, register(client))
    with engine.begin() as connection:
        connection.execute(text("UPDATE owners SET used_on = NULL"))
    age(engine, "2 days")
    app.purge()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM images")).scalar_one() == 1
        assert OPEN_CATALOG in set(connection.scalars(text("SELECT id FROM owners")))
    assert accounts(engine) == 1


def test_a_purge_removes_so_many_and_no_more(app: Mayfly, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = engine_of(app)
    for number in range(3):
        open_account(app.test_client(), f"nobody-{number}")
    age(engine, "2 days")
    monkeypatch.setattr(purge, "BATCH_ROWS", 2)
    app.purge()
    assert accounts(engine) == 1


def test_a_login_writes_once_a_day_and_only_the_day(app: Mayfly) -> None:
    client, engine = app.test_client(), engine_of(app)
    register(client)
    log_in(client)
    row = text("SELECT xmin::text, used_on = CURRENT_DATE, used_on::text FROM owners WHERE id <> :open")
    with engine.connect() as connection:
        first = tuple(connection.execute(row, {"open": OPEN_CATALOG}).one())
        connection.commit()
        log_in(client)
        assert tuple(connection.execute(row, {"open": OPEN_CATALOG}).one()) == first
    assert first[1]
    assert len(first[2]) == len("2026-01-01")


def test_accounts_of_an_older_schema_and_an_older_program_count_as_used(empty_app: Mayfly) -> None:
    """Nobody knows whether they were: they stay."""
    know_migrations(empty_app)
    with empty_app.app_context():
        upgrade(revision="0005")
        older = text(
            "INSERT INTO owners (id, login_tag, email_tag, account, token_version, created_at)"
            " VALUES (:id, :tag, :tag, '', 0, now() - interval '3 days')"
        )
        for number in (1, 2):
            with empty_app.shards.home.engine.begin() as connection:
                connection.execute(older, {"id": UUID(int=number), "tag": bytes([number])})
            upgrade()
        empty_app.shards.home.engine.dispose()
    empty_app.purge()
    assert accounts(empty_app.shards.home.engine) == 2
