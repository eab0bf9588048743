"""A disk that runs full under the database: uploads are refused, nothing else stops, and a purge mends it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cast import noise
from tests.faults.figures import FULL, note
from tests.faults.small_disk import used_bytes
from tests.faults.wire import Answer, once, upload
from tests.processes import Served, command_of, serving, until

DISK_BYTES = (256 if FULL else 192) * 2**20
ROUNDS = 5 if FULL else 1
IMAGE = noise(560, 520)  # 0.9 MB
CLIENTS = 4
LIFETIME = 15 if FULL else 10


def on_a_small_disk(folder: Path) -> tuple[str, ...]:
    """The words before a command that give it a small disk of its own at a folder, which nobody else sees.

    Root needs a namespace of mounts for that. Others need one of users too, in which they are root until the disk is
    there, and then themselves again.
    """
    mount = f'mount -t tmpfs -o size={DISK_BYTES},mode=700 tmpfs "{folder}" && exec "$@"'
    if os.geteuid() == 0:
        return "unshare", "--mount", "sh", "-c", mount, "sh"
    again = "unshare", "--user", f"--map-user={os.geteuid()}", f"--map-group={os.getegid()}"
    return "unshare", "--map-root-user", "--mount", "sh", "-c", mount, "sh", *again


def may_mount(folder: Path) -> bool:
    """Whether this machine lets us; many containers don't, and then the disk only says that it is small."""
    tried = subprocess.run([*on_a_small_disk(folder), "true"], capture_output=True, check=False, timeout=20)
    return tried.returncode == 0


@contextmanager
def small_server(folder: Path, real: bool) -> Iterator[Served]:
    folder.mkdir()
    settings: dict[str, Any] = {
        "DATA_DIR": str(folder),
        "DISK_BYTES": str(DISK_BYTES),
        "WORKERS": "2",
        "THREADS": "2",
        "MAX_IMAGE_BYTES": "1MiB",
        "PURGE_INTERVAL": "1s",
    }
    settings |= {"under": on_a_small_disk(folder)} if real else {"command": ("-m", "tests.faults.small_disk")}
    with serving(**settings) as server:
        yield server


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> bool:
    return may_mount(tmp_path_factory.mktemp("mount"))


def inside(server: Served, folder: Path) -> Path:
    """A folder as the server sees it, by way of its PostgreSQL: into the server itself only root may look."""
    postmaster = next(pid for pid in server.family() if "bin/postgres" in command_of(pid).split("\0")[0])
    return Path(f"/proc/{postmaster}/root{folder}")


def lost(server: Served, uploads: list[Answer]) -> int:
    """Read what was confirmed, and count what was not there before its end."""
    missing = 0
    for made in uploads:
        answer = once(server.port, "GET", f"/image/{made.told['hash']}")
        ended = datetime.fromisoformat(made.told["expires_at"]).timestamp() <= time.time()
        missing += not ended and (answer.status, answer.body) != (200, IMAGE)
    return missing


def fill(server: Served) -> list[Answer]:
    """Upload from many sides until the disk is full, and a while longer."""
    seen: list[Answer] = []
    end = time.monotonic() + 60

    def client(_: int) -> None:
        refused = 0
        while refused < 10 and time.monotonic() < end:
            answer = upload(server.port, IMAGE, lifetime=LIFETIME)
            refused += answer.status == 507
            seen.append(answer)

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    return seen


@pytest.mark.timeout(300)
def test_a_full_disk_refuses_uploads_and_recovers_by_itself_once_purged(tmp_path: Path, real: bool) -> None:
    statuses: Counter[int] = Counter()
    missing = 0
    with small_server(tmp_path / "data", real) as server:
        for _ in range(ROUNDS):
            seen = fill(server)
            statuses += Counter(answer.status for answer in seen)
            assert used_bytes(inside(server, tmp_path / "data")) < DISK_BYTES
            confirmed = [answer for answer in seen if answer.status == 201]
            latest = confirmed[-20:]
            missing += lost(server, latest)
            assert once(server.port, "GET", "/cleanup").status == 200
            assert once(server.port, "DELETE", f"/images/{latest[-1].told['image_key']}").status in {200, 404}
            assert until(lambda: upload(server.port, IMAGE, lifetime="1s").status == 201, LIFETIME + 30)
        log = (inside(server, tmp_path / "data") / "postgres.log").read_text()
    seen_there = f"{statuses[201]} uploads until full, {statuses[507]} refused, recovered each time"
    odd = sum(count for status, count in statuses.items() if status not in {201, 507})
    note(
        "a small disk filled by uploads",
        tried=ROUNDS,
        lost=missing,
        wrong=odd + log.count("PANIC"),
        seen=seen_there,
    )
    assert statuses[507] >= CLIENTS * ROUNDS
    assert (missing, odd) == (0, 0), statuses
    assert "PANIC" not in log


def fill_up(ballast: Path) -> None:
    """Write until nothing more can be written, or as much as the disk says it has."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for _ in range(DISK_BYTES >> 16):
            file.write(bytes(1 << 16))


@pytest.mark.timeout(300)
def test_a_disk_that_others_fill_to_the_last_byte_refuses_uploads_and_serves_reads(
    tmp_path: Path, real: bool
) -> None:
    with small_server(tmp_path / "data", real) as server:
        kept = upload(server.port, IMAGE)
        ballast = inside(server, tmp_path / "data") / "ballast"
        fill_up(ballast)
        refused = [upload(server.port, IMAGE) for _ in range(10)]
        assert [(answer.status, answer.told["error"]) for answer in refused] == [(507, "storage_full")] * 10
        assert lost(server, [kept]) == 0
        ballast.unlink()
        recovered = upload(server.port, IMAGE)
        assert recovered.status == 201
        assert lost(server, [kept, recovered]) == 0
        log = (inside(server, tmp_path / "data") / "postgres.log").read_text()
    note(
        "a disk filled to the last byte by others",
        tried=1,
        wrong=log.count("PANIC"),
        seen="10 uploads refused, reads go on",
    )
    assert "PANIC" not in log
