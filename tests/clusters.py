"""Copies of one migrated cluster: to make a cluster takes seconds, and to copy one a fifth of a second."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import embedded
from app import create_app, migrate
from config import Config
from tests.cast import SERVER_KEY

Fill = Callable[[Path], Path]
"""Gives a data folder a migrated cluster, and returns the folder."""
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
IN_MEMORY = "mayfly-tests-"


def copies(folder: Path) -> Fill:
    """Return what copies the cluster of a folder, which all processes of a test run share: the first makes it."""
    archive = folder / "cluster.tar"
    with (folder / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            _make(archive)
    return partial(_fill, archive)


def memory_has_room() -> bool:
    """Tell whether there is a file system in memory with room for tests: a container's may have no more than 64 MB."""
    return MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES


@contextmanager
def in_memory() -> Iterator[Path]:
    """Make a folder for a PostgreSQL that makes and deletes thousands of files; in memory, if there is room.

    On ext4, files take long to make for some seconds after many others were deleted.
    """
    for old in MEMORY.glob(
        f"{IN_MEMORY}*"
    ):  # a process that was killed has left its own, and it takes up memory
        if not Path("/proc", old.name.split("-")[-2]).exists():
            shutil.rmtree(old, ignore_errors=True)
    place = MEMORY if memory_has_room() else None
    with tempfile.TemporaryDirectory(prefix=f"{IN_MEMORY}{os.getpid()}-", dir=place) as folder:
        yield Path(folder)


def _make(archive: Path) -> None:
    new = archive.with_suffix(".new")
    with tempfile.TemporaryDirectory(dir=archive.parent) as data_dir:
        with embedded.running(Path(data_dir), durable=False) as url:
            migrate(create_app(Config(database_url=url, secret_keys=(SERVER_KEY,))))
        subprocess.run(["tar", "-cf", new, "-C", data_dir, "postgres"], check=True)
    new.rename(archive)


def _fill(archive: Path, data_dir: Path) -> Path:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    subprocess.run(["tar", "-xf", archive, "-C", data_dir], check=True)
    return data_dir
