"""Databases as shards: made on the session's PostgreSQL, taken away and given back."""

from __future__ import annotations

import hmac
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from app import Mayfly, create_app, migrate
from config import Config
from crypto import Link
from tests.cast import SERVER_KEY
from tests.databases import MIGRATED, OURS, empty_database, run
from tests.processes import children_of

Urls = dict[str, str]


@contextmanager
def databases(database_url: str, *names: str) -> Iterator[Urls]:
    """Make databases with Mayfly's schema; their URLs by their names."""
    with ExitStack() as stack:
        made = {name: empty_database(database_url, f"shard_{name}", MIGRATED) for name in names}
        urls = {name: stack.enter_context(its) for name, its in made.items()}
        migrate(application(urls))  # a copy of a database has no settings of sessions
        yield urls


def application(urls: Urls, before: Urls | None = None, **settings: object) -> Mayfly:
    """Make an application on shards, the first of which has the accounts; nothing is migrated."""
    app = create_app(
        Config(
            shards=urls,
            shards_before=before or {},
            secret_keys=(SERVER_KEY,),
            purge_interval=0,
            rate_limits={},
            **settings,  # type: ignore[arg-type]
        )
    )
    app.testing = True
    return app


@contextmanager
def away(url: str) -> Iterator[None]:
    """Let a database refuse every connection while the block runs, and end ours; autovacuum is not ours to end."""
    at = make_url(url)
    server = at.set(database="mayfly").render_as_string(hide_password=False)
    run(server, f"ALTER DATABASE {at.database} ALLOW_CONNECTIONS false")
    try:
        run(server, f"SELECT pg_terminate_backend(pid) {OURS} AND datname = '{at.database}'")
        yield
    finally:
        run(server, f"ALTER DATABASE {at.database} ALLOW_CONNECTIONS true")


def postmaster_of(folder: Path) -> int:
    """The id of the main process of the PostgreSQL that `embedded` runs in a folder."""
    return int((folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])


@contextmanager
def frozen(postmaster: int) -> Iterator[None]:
    """Stop all processes of a PostgreSQL while the block runs: its kernel goes on to accept and to acknowledge."""
    os.kill(postmaster, signal.SIGSTOP)
    stopped = [postmaster, *children_of(postmaster)]
    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def row_keys(url: str) -> set[bytes]:
    """The row keys of all images in a database."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {bytes(key) for key in connection.scalars(text("SELECT row_key FROM images"))}
    engine.dispose()
    return found


def name_of(link: str, names: Iterable[str]) -> str:
    """The shard of a link, as decision 101 has it."""
    row_key = Link.parse(link).row_key
    return max(names, key=lambda name: hmac.new(name.encode(), row_key, "sha256").digest())
