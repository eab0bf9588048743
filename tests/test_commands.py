"""Each command ends a foreseeable failure with one sentence and a status, in the words of whoever set it up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import create_app, migrate
from config import Config
from tests.cast import SERVER_KEY
from tests.databases import empty_database, run
from tests.processes import ROOT, free_port

COMMANDS = {
    "app.py": ("app.py",),
    "purge": ("-m", "flask", "purge"),
    "renew-accounts": ("-m", "flask", "renew-accounts"),
    "takedown": ("-m", "flask", "takedown", "A" * 32),
    "status": ("-m", "flask", "status"),
    "db upgrade": ("-m", "flask", "db", "upgrade"),
}
every_command = pytest.mark.parametrize("command", COMMANDS)
AWAY = {"HOST": "127.0.0.1", "POSTGRES_PORT": "1", "POSTGRES_USER": "me", "POSTGRES_PASSWORD": "hunter2"}


def sentence_of(command: str, **settings: str) -> str:
    """Run a command that can't do its work, and return the one sentence that it says of it."""
    env = {**os.environ, "BIND": f"127.0.0.1:{free_port()}", "SECRET_KEYS": SERVER_KEY, **settings}
    ended = subprocess.run(
        [sys.executable, *COMMANDS[command]],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert "hunter2" not in ended.stderr
    return ended.stderr


@every_command
def test_a_setting_that_can_t_be_read(command: str) -> None:
    assert "LIFETIME can't be read" in sentence_of(command, LIFETIME="five")


@pytest.mark.parametrize("command", ["app.py", "purge"])
def test_an_address_that_sqlalchemy_can_t_read(command: str) -> None:
    told = sentence_of(command, DATABASE_URL="postgresql://u:hunter2@h/d?port=five")
    assert "DATABASE_URL can't be read" in told


@pytest.mark.parametrize("command", ["app.py", "purge"])
def test_a_server_key_that_is_none(command: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("hunter2\n")
    away = {"DATABASE_URL": "postgresql://127.0.0.1:1/d"}
    assert "SECRET_KEYS: server key 1" in sentence_of(command, **away, SECRET_KEYS="hunter2")
    told = sentence_of(command, **away, SECRET_KEYS="", SECRET_KEYS_FILE=str(tmp_path / "keys"))
    assert "SECRET_KEYS_FILE: server key 1" in told


@every_command
def test_a_database_that_is_away(command: str) -> None:
    told = sentence_of(command, DATABASE_URL="postgresql://127.0.0.1:1/d")
    assert "Connection refused" in told
    assert told.endswith("correct DATABASE_URL\n")


@pytest.mark.parametrize("command", ["app.py", "purge"])
def test_a_database_that_is_named_by_its_parts_is_away(command: str) -> None:
    told = sentence_of(command, **AWAY)
    assert "Connection refused" in told
    assert told.endswith("correct HOST and POSTGRES_*\n")


@every_command
def test_a_database_that_refuses(command: str, database_url: str) -> None:
    refused = database_url.replace("mayfly@", "stranger:hunter2@")
    assert 'authentication failed for user "stranger"' in sentence_of(command, DATABASE_URL=refused)


@pytest.fixture
def empty_url(database_url: str) -> Iterator[str]:
    with empty_database(database_url, "commands") as url:
        yield url


def test_more_connections_than_postgresql_allows(empty_url: str) -> None:
    told = sentence_of("app.py", DATABASE_URL=empty_url, WORKERS="20", THREADS="4")
    assert "may need 100 connections, and PostgreSQL allows 97" in told
    run(empty_url, "ALTER DATABASE commands CONNECTION LIMIT 9")
    assert "PostgreSQL allows 9:" in sentence_of("app.py", DATABASE_URL=empty_url, WORKERS="2")


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"app.py", "db upgrade"}))
def test_a_database_without_our_tables(command: str, empty_url: str) -> None:
    assert "flask db upgrade" in sentence_of(command, DATABASE_URL=empty_url)


@pytest.mark.parametrize("command", ["app.py", "db upgrade"])
def test_a_schema_of_a_newer_program(command: str, empty_url: str) -> None:
    run(empty_url, "CREATE TABLE alembic_version AS SELECT '9999'::varchar(32) AS version_num")
    told = sentence_of(command, DATABASE_URL=empty_url)
    assert "newer Mayfly (9999; this one knows 00" in told


def test_a_migration_that_was_changed_after_it_ran(empty_url: str) -> None:
    migrate(create_app(Config(database_url=empty_url, secret_keys=(SERVER_KEY,))))
    run(empty_url, "ALTER TABLE images RENAME client_tag TO client")
    assert "its table images has no column client_tag" in sentence_of("app.py", DATABASE_URL=empty_url)


@pytest.mark.parametrize(("command", "declares"), [("purge", False), ("db", True)])
def test_only_flask_db_declares_the_tables(command: str, declares: bool) -> None:
    program = [sys.executable, "-X", "importtime", "-m", "flask", command, "--help"]
    env = {**os.environ, "SECRET_KEYS": SERVER_KEY}
    told = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert ("models.schema.tables" in told.stderr) is declares


@pytest.mark.parametrize("command", ["app.py", "purge"])
def test_no_database_where_none_came_with_us(command: str, tmp_path: Path) -> None:
    """As in the container, which has no PostgreSQL of its own."""
    (tmp_path / "sitecustomize.py").write_text("import embedded.installs\nembedded.installs._found = tuple\n")
    told = sentence_of(command, PYTHONPATH=f"{tmp_path}:{ROOT}", DATA_DIR=str(tmp_path / "data"))
    assert "set DATABASE_URL or POSTGRES_USER" in told
    assert "requirements" not in told
