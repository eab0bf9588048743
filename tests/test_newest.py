"""A start on a database that is up to date migrates nothing, and so loads neither Alembic nor the ORM."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import Mayfly, create_app, migrate
from config import Config
from database import needs_no_migration
from models import COLUMNS_MD5, columns_md5
from services import DatabaseAway, NotEverywhere, ServiceError, StorageFull
from tests.cast import SERVER_KEY
from tests.databases import MIGRATED, OURS, empty_database, run, value
from tests.processes import ROOT, free_port, serving, until
from tests.shards import Urls, application, away, databases

NAME = "newest"


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    with empty_database(database_url, NAME, MIGRATED) as url:
        migrate(made(url))  # a copy of a database has no settings of sessions
        yield url


def made(url: str) -> Mayfly:
    return create_app(Config(database_url=url, secret_keys=(SERVER_KEY,), purge_interval=0))


def up_to_date(url: str) -> bool:
    app = made(url)
    found = needs_no_migration(app.settings, app.shards)
    ours = f"SELECT count(*) {OURS} AND datname = '{NAME}'"
    assert until(lambda: value(url, ours) == 1), "a fork would close this process's connection"
    return found


def test_the_columns_are_those_that_the_migrations_leave(url: str) -> None:
    app = made(url)
    with app.shards.home.connection() as connection:
        assert columns_md5(connection) == COLUMNS_MD5, "write this one into models/newest.py"
    app.shards.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE images RENAME client_tag TO client",
        "ALTER TABLE images DROP COLUMN client_tag",
        "ALTER TABLE owners ADD COLUMN another int",
        "CREATE TABLE another (id int)",
        "DROP TABLE ciphertexts_127",
        "DROP TABLE alembic_version",
        "UPDATE alembic_version SET version_num = '9999'",
        "UPDATE alembic_version SET version_num = '0008'",
        "DELETE FROM alembic_version",
        f"ALTER ROLE CURRENT_USER IN DATABASE {NAME} RESET TimeZone",
        f"ALTER ROLE CURRENT_USER IN DATABASE {NAME} SET jit = 'on'",
    ],
)
def test_whatever_was_changed_is_a_migration_s_to_judge(url: str, change: str) -> None:
    assert up_to_date(url)
    run(url, change)
    assert not up_to_date(url)


def test_a_new_database_and_one_that_is_away_are_not_up_to_date(database_url: str) -> None:
    with empty_database(database_url, NAME) as url:
        assert not up_to_date(url)
    app = made(url)
    assert not needs_no_migration(app.settings, app.shards)


def test_all_databases_have_to_be(database_url: str) -> None:
    with databases(database_url, "n", "m") as urls:
        assert all_up_to_date(urls)
        with away(urls["m"]):
            assert not all_up_to_date(urls)
        run(urls["m"], "UPDATE alembic_version SET version_num = '0008'")
        assert not all_up_to_date(urls)


@pytest.mark.parametrize(
    "error", [DatabaseAway(), NotEverywhere(["a"]), StorageFull()], ids=lambda error: type(error).__name__
)
def test_an_error_of_the_migration_reaches_the_start(error: ServiceError) -> None:
    """It comes from a forked process, so it has to be picklable."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def all_up_to_date(urls: Urls) -> bool:
    app = application(urls)
    found = needs_no_migration(app.settings, app.shards)
    assert not any(shard.away for shard in app.shards.all), "a migration could reach none of them"
    return found


@pytest.fixture
def without_alembic(tmp_path: Path) -> str:
    """A PYTHONPATH in which Alembic can't be imported."""
    (tmp_path / "alembic.py").write_text("raise ImportError('no Alembic here')\n")
    return f"{tmp_path}:{ROOT}"


def test_such_a_start_needs_no_alembic(url: str, without_alembic: str) -> None:
    with serving(DATABASE_URL=url, SECRET_KEYS=SERVER_KEY, PYTHONPATH=without_alembic):
        pass


def test_a_start_that_migrates_needs_it(database_url: str, without_alembic: str) -> None:
    with empty_database(database_url, NAME) as url:
        env = {"DATABASE_URL": url, "SECRET_KEYS": SERVER_KEY, "BIND": f"127.0.0.1:{free_port()}"}
        ended = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, **env, "PYTHONPATH": without_alembic},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode != 0
    assert "no Alembic here" in ended.stderr
