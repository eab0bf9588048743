"""A real PostgreSQL, migrated by Alembic; a real server process where HTTP matters; real pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from jinja2 import BytecodeCache, FileSystemBytecodeCache
from sqlalchemy import Engine, create_engine, text

import embedded
from app import Mayfly, create_app
from config import Config
from crypto import login_passwords, passwords
from models import OPEN_CATALOG, UNLOGGED, ciphertexts, wait_for_purge_lock
from storage import RowStore
from tests.cast import FLOWER, SERVER_KEY, cleaned
from tests.clusters import Fill, copies, in_memory
from tests.conformity import Conformity
from tests.databases import MIGRATED, run
from tests.object_store import Service, tested
from tests.processes import Served, serving, write_no_file

MakeApp = Callable[..., Mayfly]
ROOT = Path(__file__).parent
SLOW = {
    "api",
    "attack",
    "front",
    "seeds",
    "soak",
    "test_rest.py",
    "web/test_accounts.py",
    "web/test_clients.py",
    "web/test_conversion.py",
    "web/test_corpus.py",
    "web/test_gate_clients.py",
    "web/test_json_bodies.py",
    "web/test_object_store.py",
    "web/test_screenshots.py",
    "work",
    "imaging/test_bombs.py",
    "imaging/test_conversion.py",
    "imaging/test_corpus.py",
    "imaging/test_exiftool.py",
    "imaging/test_fuzz.py",
    "imaging/test_jail.py",
    "imaging/test_pool.py",
    "imaging/test_real.py",
    "services/test_admission.py",
    "services/test_expensive.py",
    "services/test_hosts.py",
    "services/test_life.py",
    "services/test_quota.py",
    "storage/test_contract.py",
    "storage/test_objects.py",
    "test_alerts.py",
    "test_backup.py",
    "test_benchmarks.py",
    "test_commands.py",
    "test_dead_machine.py",
    "test_docs.py",
    "test_drain.py",
    "test_embedded.py",
    "test_fleet.py",
    "test_install.py",
    "test_limits_over_processes.py",
    "test_logs.py",
    "test_memory.py",
    "test_metrics.py",
    "test_migrations.py",
    "test_newest.py",
    "test_no_jail.py",
    "test_operator.py",
    "test_pgbouncer.py",
    "test_proxies.py",
    "test_proxies_chain.py",
    "test_release.py",
    "test_scale.py",
    "test_server.py",
    "test_shards.py",
    "test_signals.py",
    "test_upgrade.py",
}
"""Folders and files whose tests start servers of their own, need other programs, or take seconds."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Give options to pytest; ``make quick`` uses the first."""
    parser.addoption("--quick", action="store_true", help="leave out what is marked browser, faults or slow")
    parser.addoption(
        "--pictures", action="store_true", help="keep pictures of the pages in tests/browser/screenshots"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With ``--quick``, don't even import what would be left out: that takes as long as 300 tests."""
    return True if config.getoption("quick") and _marks(collection_path) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by where it lies: ``browser``, ``faults`` or ``slow``. The others come last.

    So no long file is begun while other processes end, and short ones fill up the time of each to the end.
    """
    for item in items:
        for mark in _marks(item.path):
            item.add_marker(mark)
    items.sort(key=lambda item: not _marks(item.path))


def _marks(path: Path) -> set[str]:
    place = path.relative_to(ROOT)
    folder = place.parts[0] if place.parts else ""
    return {folder} & {"browser", "faults"} | ({"slow"} if {folder, place.as_posix()} & SLOW else set())


@pytest.fixture(scope="session")
def fill(tmp_path_factory: pytest.TempPathFactory) -> Fill:
    """Give a data folder a migrated cluster."""
    folder = tmp_path_factory.getbasetemp()
    return copies(folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder)


@pytest.fixture(scope="session")
def database_url(fill: Fill) -> Iterator[str]:
    """The URL of a migrated database on a server of its own; it may forget what it wrote, tests are short."""
    with in_memory() as data_dir, embedded.running(fill(data_dir), durable=False) as url:
        run(url, f"CREATE DATABASE {MIGRATED} TEMPLATE mayfly STRATEGY file_copy")
        yield url


@pytest.fixture(scope="session")
def server(database_url: str) -> Iterator[Served]:
    """A server process that can write no file at all, on the session's database, where other tests count on rows."""
    settings: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "PURGE_INTERVAL": "off",
    }
    with serving(**settings, before=write_no_file) as served:
        yield served


@pytest.fixture(scope="session")
def object_store() -> Iterator[Service]:
    """A real S3, for all tests that keep bytes outside of the database."""
    with tested() as running:
        yield running


@pytest.fixture(scope="session")
def admin(database_url: str) -> Iterator[Engine]:
    """What empties the database between tests."""
    engine = create_engine(database_url, pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> BytecodeCache:
    """Templates that one application has compiled, for the others."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("compiled")))


@pytest.fixture
def password_costs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Argon2 cheap in this process, except for a test marked ``real_costs``; servers keep its real costs."""
    if "real_costs" in request.keywords:
        return
    monkeypatch.setattr(passwords, "TIME_COST", 1)
    monkeypatch.setattr(passwords, "MEMORY_KIB", 64)
    hasher = PasswordHasher(1, 64, passwords.LANES, passwords.STRETCHED_BYTES)
    monkeypatch.setattr(login_passwords, "_HASHER", hasher)
    monkeypatch.setattr(login_passwords, "_NO_HASH", hasher.hash(os.urandom(16)))


@pytest.fixture
def make_app(
    database_url: str, admin: Engine, tmp_path: Path, compiled: BytecodeCache, password_costs: None
) -> Iterator[MakeApp]:
    """Make applications on an empty database; purges and rate limits are off unless a test asks for them."""
    made: list[Mayfly] = []
    kept: list[Conformity] = []
    _empty(admin)

    def make(**settings: Any) -> Mayfly:
        defaults: dict[str, Any] = {
            "database_url": database_url,
            "data_dir": tmp_path,
            "secret_keys": (SERVER_KEY,),
            "purge_interval": 0,
            "rate_limits": {},
        }
        app = create_app(Config(**defaults | settings))
        app.testing = True
        app.jinja_env.bytecode_cache = compiled
        kept.append(Conformity(app))
        made.append(app)
        return app

    yield make
    for app in made:
        app.schedule.stop()
        app.shards.home.engine.dispose()
    assert [broken for conformity in kept for broken in conformity.broken] == []


def _empty(admin: Engine) -> None:
    with admin.begin() as connection:
        wait_for_purge_lock(
            connection
        )  # a server of other tests may purge, and empties tables in another order
        filled = [ciphertexts(slot) for slot in RowStore().filled(connection)]
        filled += [ciphertexts(slot, UNLOGGED) for slot in RowStore(survives_crash=False).filled(connection)]
        connection.execute(text(f"TRUNCATE {', '.join(['images', *filled])}"))
        connection.execute(text("UPDATE stored SET bytes = 0"))
        connection.execute(text("DELETE FROM guesses"))
        connection.execute(text("DELETE FROM counted"))
        connection.execute(text("DELETE FROM blocked"))
        connection.execute(
            text("UPDATE operator SET uploads_off_since = NULL, blocked_version = blocked_version + 1")
        )
        connection.execute(text("DELETE FROM owners WHERE id <> :open"), {"open": OPEN_CATALOG})


@pytest.fixture
def app(make_app: MakeApp) -> Mayfly:
    """An application with default settings."""
    return make_app()


@pytest.fixture
def client(app: Mayfly) -> FlaskClient:
    """A client in the same process, for what does not need a socket."""
    return app.test_client()


@pytest.fixture
def engine(app: Mayfly) -> Engine:
    """The application's own engine, to look at the rows and to tamper with them."""
    return app.shards.home.engine.execution_options(isolation_level="READ COMMITTED")


@pytest.fixture(scope="session")
def flower() -> bytes:
    """A photograph."""
    return FLOWER


@pytest.fixture(scope="session")
def hopper() -> bytes:
    """A portrait, as PNG."""
    return cleaned("hopper.png")
