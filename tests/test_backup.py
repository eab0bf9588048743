"""Accounts and their API keys come back from a backup by the lines that the documents give."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app, migrate
from config import Config
from tests.cast import FLOWER, SERVER_KEY
from tests.databases import empty_database
from tests.processes import ROOT, serving

LINES = re.findall(r"^psql .*$", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
ALICE = {"login": "alice", "email": "alice@example.org", "password": "correct horse"}


@pytest.fixture
def two_databases(database_url: str) -> Iterator[list[str]]:
    with (
        empty_database(database_url, "backed_up") as backed_up,
        empty_database(database_url, "restored") as restored,
    ):
        yield [backed_up, restored]


def test_accounts_and_their_keys_come_back_by_the_lines_of_the_documents(
    two_databases: list[str], tmp_path: Path
) -> None:
    (first, second), (save, bring_back) = two_databases, LINES
    with client_on(first) as client:
        assert client.post("/api/registration", json=ALICE).status_code == 201
        token = log_in(client).get_json()
        made = client.post("/api/me/keys", json={"name": "nightly"}, headers=token)
        run(save, first, tmp_path)
    with client_on(second) as client:
        run(bring_back, second, tmp_path)
        assert log_in(client).status_code == 200
        key = {"Authorization": f"Bearer {made.get_json()['key']}"}
        assert client.get("/api/me", headers=key).get_json()["login"] == "alice"
        assert client.post("/upload", data=FLOWER, headers=key).status_code == 201


@contextmanager
def client_on(url: str) -> Iterator[FlaskClient]:
    """Ask an application on a database that it brings up to date."""
    app = create_app(Config(database_url=url, secret_keys=(SERVER_KEY,)))
    migrate(app)
    yield app.test_client()
    app.shards.home.engine.dispose()


def log_in(client: FlaskClient) -> TestResponse:
    return client.post("/api/login", json={name: ALICE[name] for name in ("login", "password")})


@pytest.mark.parametrize(("copied", "status"), [(True, 200), (False, 401)])
def test_accounts_need_the_copy_of_the_server_key(
    two_databases: list[str], tmp_path: Path, copied: bool, status: int
) -> None:
    """A server that made its key itself, and another machine with the backup of its accounts."""
    first, second = two_databases
    old, new = tmp_path / "old", tmp_path / "new"
    with serving(DATABASE_URL=first, DATA_DIR=str(old), SECRET_KEYS="") as server:
        assert requests.post(f"{server.url}/api/registration", json=ALICE, timeout=30).status_code == 201
    run(LINES[0], first, tmp_path)
    if copied:
        new.mkdir()
        subprocess.run(["cp", "-p", str(old / "secret_keys"), str(new)], check=True)
    with serving(DATABASE_URL=second, DATA_DIR=str(new), SECRET_KEYS="") as server:
        run(LINES[1], second, tmp_path)
        known = {name: ALICE[name] for name in ("login", "password")}
        assert requests.post(f"{server.url}/api/login", json=known, timeout=30).status_code == status


def run(line: str, url: str, folder: Path) -> None:
    env = {**os.environ, "DATABASE_URL": url.replace("+psycopg2", "")}
    subprocess.run(["sh", "-ec", line], cwd=folder, env=env, check=True, capture_output=True)
