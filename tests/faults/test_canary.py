"""No traces: nothing of an upload is found in any file, before its end or after it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

import embedded
from embedded import programs
from tests.clusters import Fill
from tests.faults.canary import KINDS, WAYS, Canary, drop, mishaps, openings
from tests.faults.figures import FULL, note
from tests.faults.needles import Found, Needle, files_in, search, windows
from tests.faults.resident import Resident
from tests.faults.wire import once
from tests.processes import Served, serving, until

COUNT = "SELECT count(*) FROM images"
ACCOUNTS = "SELECT id, account FROM owners WHERE account <> ''"


@dataclass
class House:
    """A served Mayfly with its database, and every folder that it writes to."""

    server: Served
    data: Path
    temporary: Path
    dumps: Path
    scratch: Path

    @property
    def server_key(self) -> str:
        return (self.data / "secret_keys").read_text().strip()

    @property
    def folders(self) -> list[Path]:
        return [self.data, self.temporary, self.dumps, self.server.log_path.parent]

    def sql(self, statement: str, user: str = "mayfly") -> list[tuple[object, ...]]:
        url = embedded.url(self.data).replace("+psycopg2", "").replace("mayfly@", f"{user}@")
        with contextlib.closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def dump(self) -> None:
        """Write what `pg_dump` shows, and have every changed page written to its file."""
        self.sql("CHECKPOINT", "postgres")
        program = programs.install_for(self.data / "postgres").home / "bin" / "pg_dump"
        folder = embedded.url(self.data).rpartition("host=")[2]
        with (self.dumps / "dump.sql").open("wb") as out:
            subprocess.run(
                [program, "-h", folder, "-U", "mayfly", "mayfly"], stdout=out, check=True, timeout=60
            )

    def find(self, needles: list[Needle]) -> list[Found]:
        """Search all that is there; the server keys have one file of their own, where they may be."""
        found = search(self.folders, needles, self.scratch)
        return [f for f in found if not (f.what == "server key" and f.path == self.data / "secret_keys")]


@pytest.fixture
def house(fill: Fill, tmp_path: Path) -> Iterator[House]:
    data, temporary, dumps, scratch = (tmp_path / name for name in ("data", "tmp", "dumps", "scratch"))
    for folder in (temporary, dumps, scratch):
        folder.mkdir()
    with serving(DATA_DIR=str(fill(data)), TMPDIR=str(temporary), PURGE_INTERVAL="1s") as server:
        yield House(server, data, temporary, dumps, scratch)


def drop_all(house: House, resident: Resident, **query: str) -> list[Canary]:
    """Upload in every way; in the full form every kind of upload in each."""
    kinds = [(way, kind) for way in WAYS for kind in KINDS]
    if not FULL:
        kinds = [(way, KINDS[turn % len(KINDS)]) for turn, way in enumerate(WAYS)]
    key, header = house.server_key, resident.header
    return [drop(house.server, way, kind, key, header, **query) for way, kind in kinds]


def use(house: House, canaries: list[Canary]) -> list[Needle]:
    """Open the canaries in every way; return what the converted pictures must not leave either."""
    converted: list[Needle] = []
    for canary in canaries:
        for due, answer in openings(house.server, canary):
            assert answer.status_code == due, (answer.url, answer.text[:200])
            if answer.headers["Content-Type"].startswith("image/") and answer.content != canary.image:
                converted += windows("a converted picture", answer.content, 3)
        assert once(house.server.port, "GET", "/healthz").status == 200
    for due, answer in mishaps(house.server, canaries[0]):
        assert answer.status_code == due, answer.text
    assert converted
    return converted


def reside(resident: Resident, canaries: list[Canary]) -> None:
    """Use an account in every way; its canaries are still there then."""
    owned = [canary for canary in canaries if canary.account]
    for canary in owned:
        for due, answer in resident.use(canary):
            assert answer.status_code == due, (answer.url, answer.text[:200])
    for due, answer in resident.fail(owned[0]):
        assert answer.status_code == due, answer.text[:200]


def fail(house: House, resident: Resident, canary: Canary) -> None:
    """Errors that nobody expected, with everything in the hands of whoever reports them."""
    for table in ("images", "owners"):
        house.sql(f"ALTER TABLE {table} ADD CONSTRAINT never CHECK (created_at < '1970-01-01') NOT VALID")
    try:
        assert (
            once(house.server.port, "POST", "/upload?filename=" + canary.filename, canary.image).status == 500
        )
        assert resident.upload(model_id=canary.model_id).status_code == 500
        assert resident.register_again().status_code == 500
    finally:
        for table in ("images", "owners"):
            house.sql(f"ALTER TABLE {table} DROP CONSTRAINT never")


def end(house: House, resident: Resident, canaries: list[Canary]) -> None:
    """Half of them are deleted, some with their account, the others have expired by now; all are purged."""
    resident.change_password()
    assert resident.move_out().status_code == 200
    for canary in canaries:
        if canary.receipt["expires_in"] > 60:
            path = f"/images/{canary.receipt['image_key']}"
            assert once(house.server.port, "DELETE", path).status in {200, 404}
    assert until(
        lambda: once(house.server.port, "GET", "/cleanup").status == 200 and house.sql(COUNT) == [(0,)]
    )


@pytest.mark.timeout(300)
def test_nothing_of_an_upload_is_in_any_file(house: House) -> None:
    resident = Resident(house.server.url)
    resident.move_in()
    lasting = drop_all(house, resident, lifetime="10m")
    converted = use(house, lasting)
    reside(resident, lasting)
    fail(house, resident, lasting[0])
    short = drop_all(house, resident, lifetime="1s")
    canaries = [*lasting, *short]
    needles = [needle for canary in canaries for needle in canary.needles()] + converted
    needles.append(Needle("server key", house.server_key.encode()))
    needles += resident.needles(house.server_key, house.sql(ACCOUNTS))
    house.dump()
    assert int(str(house.sql(COUNT)[0][0])) > 0
    before = house.find(needles)
    time.sleep(1.1)
    end(house, resident, canaries)
    house.dump()
    after = house.find(needles)
    searched = files_in(house.folders)
    size = sum(path.stat().st_size for path in searched if path.exists()) >> 20
    planted = plant(house, resident, canaries)
    house.dump()
    found = house.find(needles)
    house.server.stop()
    stopped = [hit for hit in house.find(needles) if hit.path not in {f.path for f in found}]
    seen = f"{len(needles)} secrets of {len(canaries)} uploads, {len(searched)} files, {size} MiB"
    wrong = len(before) + len(after) + len(stopped)
    note("search for what an upload leaves", tried=3, wrong=wrong, seen=seen)
    assert (before, after, stopped) == ([], [], [])
    missed = [place for place, what in planted if not any(is_it(hit, place, what) for hit in found)]
    seen = "in a table, a dump, the WAL, both logs and temporary files"
    note("the same search for planted secrets", tried=len(planted), lost=len(missed), seen=seen)
    assert missed == []


def plant(house: House, resident: Resident, canaries: list[Canary]) -> list[tuple[str, str]]:
    """Leave a secret in each kind of place; return the places (a part of the path) and what was left there."""
    canary, locked = canaries[0], next(canary for canary in canaries if canary.password)
    link = bytes.hex(canary.receipt["hash"].encode())
    house.sql(f"CREATE TABLE planted AS SELECT '{canary.description}' AS word, '\\x{link}'::bytea AS link")
    # Three times, because a record that crosses the end of a page of the WAL has the page's header within it.
    message = f"pg_logical_emit_message(false, '', '{canary.receipt['image_key']}')"
    house.sql(f"SELECT {message} FROM generate_series(1, 3)")
    house.sql(f"DO $$ BEGIN RAISE LOG '{locked.password}'; END $$")
    with house.server.log_path.open("a") as log:
        log.write(canary.filename + resident.tokens[0])
    (house.temporary / "form").write_bytes(b64encode(b"x" + canary.image) + resident.email.encode())
    (house.temporary / "spool").write_bytes(b"xx" + canary.image)
    return [
        ("postgres/base/", "description"),
        ("dumps/", "link"),
        ("postgres/pg_wal/", "image key"),
        ("postgres.log", "password"),
        ("/log", "filename"),
        ("/log", "token"),
        ("tmp/form", "bytes of an image"),
        ("tmp/form", "account's email"),
        ("tmp/spool", "bytes of an image"),
    ]


def is_it(hit: Found, place: str, what: str) -> bool:
    return place in str(hit.path) and hit.what == what
