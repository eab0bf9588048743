"""Nothing left: whatever was in an upload is in no file, before its end or after it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

import embedded
from embedded import programs
from tests.faults.canary import KINDS, WAYS, Canary, drop, mishaps, openings
from tests.faults.figures import FULL, note
from tests.faults.needles import Found, Needle, files_in, search, windows
from tests.faults.wire import once
from tests.processes import Served, serving, until

COUNT = "SELECT count(*) FROM images"


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
        program = programs._home() / f"pginstall{programs.MAJOR}" / "bin" / "pg_dump"
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
def house(tmp_path: Path) -> Iterator[House]:
    data, temporary, dumps, scratch = (tmp_path / name for name in ("data", "tmp", "dumps", "scratch"))
    for folder in (temporary, dumps, scratch):
        folder.mkdir()
    with serving(DATA_DIR=str(data), TMPDIR=str(temporary), PURGE_INTERVAL="1s") as server:
        yield House(server, data, temporary, dumps, scratch)


def drop_all(house: House, **query: str) -> list[Canary]:
    """Upload in every way; in the full form every kind of upload in each."""
    kinds = [(way, kind) for way in WAYS for kind in KINDS]
    if not FULL:
        kinds = [(way, KINDS[turn % len(KINDS)]) for turn, way in enumerate(WAYS)]
    return [drop(house.server, way, kind, house.server_key, **query) for way, kind in kinds]


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


def fail(house: House, canary: Canary) -> None:
    """An error that nobody expected, with everything in the hands of whoever reports it."""
    house.sql("ALTER TABLE images ADD CONSTRAINT never CHECK (size < 0) NOT VALID")
    try:
        assert (
            once(house.server.port, "POST", "/upload?filename=" + canary.filename, canary.image).status == 500
        )
    finally:
        house.sql("ALTER TABLE images DROP CONSTRAINT never")


def end(house: House, canaries: list[Canary]) -> None:
    """Half of them are deleted, the others have expired by now; all are purged."""
    for canary in canaries:
        if canary.receipt["expires_in"] > 60:
            path = f"/images/{canary.receipt['image_key']}"
            assert once(house.server.port, "DELETE", path).status in {200, 404}
    assert until(
        lambda: once(house.server.port, "GET", "/cleanup").status == 200 and house.sql(COUNT) == [(0,)]
    )


@pytest.mark.timeout(300)
def test_nothing_of_an_upload_is_in_any_file(house: House) -> None:
    lasting = drop_all(house, lifetime="10m")
    converted = use(house, lasting)
    fail(house, lasting[0])
    short = drop_all(house, lifetime="1s")
    canaries = [*lasting, *short]
    needles = [needle for canary in canaries for needle in canary.needles()] + converted
    needles.append(Needle("server key", house.server_key.encode()))
    house.dump()
    assert int(str(house.sql(COUNT)[0][0])) > 0
    before = house.find(needles)
    time.sleep(1.1)
    end(house, canaries)
    house.dump()
    after = house.find(needles)
    searched = files_in(house.folders)
    size = sum(path.stat().st_size for path in searched if path.exists()) >> 20
    planted = plant(house, canaries)
    house.dump()
    found = house.find(needles)
    house.server.stop()
    stopped = [hit for hit in house.find(needles) if hit.path not in {f.path for f in found}]
    seen = f"{len(needles)} secrets of {len(canaries)} uploads, {len(searched)} files, {size} MiB"
    wrong = len(before) + len(after) + len(stopped)
    note("search for what an upload leaves", tried=3, wrong=wrong, seen=seen)
    assert (before, after, stopped) == ([], [], [])
    missed = [place for place, what in planted.items() if not any(is_it(hit, place, what) for hit in found)]
    seen = "in a table, a dump, the WAL, both logs and a temporary file"
    note("the same search for planted secrets", tried=len(planted), lost=len(missed), seen=seen)
    assert missed == []


def plant(house: House, canaries: list[Canary]) -> dict[str, str]:
    """Leave a secret in each kind of place; return the places (a part of the path) and what was left there."""
    canary, locked = canaries[0], next(canary for canary in canaries if canary.password)
    link = bytes.hex(canary.receipt["hash"].encode())
    house.sql(f"CREATE TABLE planted AS SELECT '{canary.description}' AS word, '\\x{link}'::bytea AS link")
    house.sql(f"SELECT pg_logical_emit_message(false, '', '{canary.receipt['image_key']}')")
    house.sql(f"DO $$ BEGIN RAISE LOG '{locked.password}'; END $$")
    with house.server.log_path.open("a") as log:
        log.write(canary.filename)
    (house.temporary / "spool").write_bytes(b"xx" + canary.image)
    return {
        "postgres/base/": "description",
        "dumps/": "link",
        "postgres/pg_wal/": "image key",
        "postgres.log": "password",
        "/log": "filename",
        "tmp/spool": "bytes of an image",
    }


def is_it(hit: Found, place: str, what: str) -> bool:
    return place in str(hit.path) and hit.what == what
