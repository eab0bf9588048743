"""With SURVIVE_CRASH=false sealed bytes are in no WAL and no physical backup; a change of it loses nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import embedded
from app import create_app, migrate
from config import Config
from embedded import programs
from embedded.settings import SETTINGS
from models import LOGGED, UNLOGGED, ciphertexts
from tests.cast import SERVER_KEY, noise
from tests.clusters import Fill
from tests.databases import run, value
from tests.faults.needles import Needle, search, windows

IMAGE = noise(400, 300)


@contextmanager
def client_of(url: str, *, survive_crash: bool) -> Iterator[FlaskClient]:
    """A client of an application with one value of the setting, on a database that it brings up to date."""
    app = create_app(
        Config(database_url=url, secret_keys=(SERVER_KEY,), survive_crash=survive_crash, purge_interval=0)
    )
    migrate(app)
    yield app.test_client()
    app.shards.home.engine.dispose()


def stored(url: str, *, survive_crash: bool) -> str:
    """Upload an image, and return its link."""
    with client_of(url, survive_crash=survive_crash) as client:
        return str(client.post("/upload", data=IMAGE).get_json()["hash"])


def status(url: str, link: str, *, survive_crash: bool = True) -> int:
    with client_of(url, survive_crash=survive_crash) as client:
        return client.get(f"/image/{link}").status_code


def sealed_bytes(url: str, ring: str) -> list[Needle]:
    """Windows of what is stored of the one image in a ring of tables."""
    store = "rows" if ring == LOGGED else "unlogged"
    slot = int(value(url, f"SELECT slot FROM images WHERE store = '{store}'"))
    return list(
        windows(ring, bytes(value(url, f"SELECT min(sealed) FROM {ciphertexts(slot, ring)} WHERE part = 0")))
    )


def found_in(folder: Path, needles: list[Needle], scratch: Path) -> set[str]:
    return {hit.what for hit in search([folder], needles, scratch)}


def back_up(data: Path, target: Path) -> None:
    """Copy the running cluster as a standby is made, with the WAL of meanwhile."""
    cluster = data / "postgres"
    with (cluster / "pg_hba.conf").open("a") as rules:
        rules.write("local replication all peer map=mayfly\n")
    admin = embedded.url(data).replace("mayfly@", "postgres@")
    run(admin, "SELECT pg_reload_conf()")
    program = programs.install_for(cluster).home / "bin" / "pg_basebackup"
    folder = embedded.url(data).rpartition("host=")[2]
    command: list[str | Path] = [
        program,
        "-h",
        folder,
        "-U",
        "postgres",
        "-D",
        target,
        "-X",
        "stream",
        "-c",
        "fast",
    ]
    subprocess.run(command, check=True, timeout=120, capture_output=True)
    owner = cluster.stat()
    for path in (target, *target.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def test_sealed_bytes_are_in_no_wal_and_in_no_physical_backup(
    fill: Fill, tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, setting in {"wal_level": "replica", "max_wal_senders": "2"}.items():
        monkeypatch.setitem(SETTINGS, name, setting)
    data, restored = tmp_path / "data", tmp_path / "restored"
    restored.mkdir()
    with embedded.running(fill(data), durable=False) as url:
        logged, unlogged = (stored(url, survive_crash=survives) for survives in (True, False))
        needles = sealed_bytes(url, LOGGED) + sealed_bytes(url, UNLOGGED)
        run(url.replace("mayfly@", "postgres@"), "CHECKPOINT")
        back_up(data, restored / "postgres")
    assert found_in(data / "postgres" / "base", needles, scratch) == {LOGGED, UNLOGGED}, (
        "the search finds both"
    )
    assert found_in(data / "postgres" / "pg_wal", needles, scratch) == {LOGGED}
    assert found_in(restored, needles, scratch) == {LOGGED}
    with embedded.running(restored, durable=False) as url:
        assert (status(url, logged), status(url, unlogged)) == (200, 404)
        assert value(url, "SELECT count(*) FROM images") == 1


def test_what_lives_outlives_a_change_of_the_setting_and_a_purge_empties_both(database_url: str) -> None:
    run(database_url, "TRUNCATE images")
    links = [stored(database_url, survive_crash=survives) for survives in (True, False)]
    for survives in (False, True):
        assert {status(database_url, link, survive_crash=survives) for link in links} == {200}
    run(
        database_url,
        "UPDATE images SET created_at = now() - interval '2s', expires_at = now() - interval '1s'",
    )
    with client_of(database_url, survive_crash=True) as client:
        assert client.post("/cleanup").get_json()["deleted"] == 2
    for ring in (LOGGED, UNLOGGED):
        sizes = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
        assert value(database_url, f"{sizes} AND relname LIKE '{ring}\\_%'") == 0
