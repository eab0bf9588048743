"""``python app.py`` on a disk that says it is small, for machines where no namespace of mounts may be made.

What the data folder takes is real; only the disk's size is not. So PostgreSQL would write on where a small disk is
full, and the proof is that it never gets there.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import SimpleNamespace

import server

BLOCK = 4096


def used_bytes(folder: Path) -> int:
    """What the files of a folder take, while others come and go."""
    used = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            used += path.lstat().st_blocks * 512
    return used


def pretend(folder: Path, size: int) -> None:
    """Have every question about a disk answered for one of this size that holds the folder alone."""

    def statvfs(_: object) -> SimpleNamespace:
        free = max(0, size - used_bytes(folder))
        return SimpleNamespace(f_frsize=BLOCK, f_blocks=size // BLOCK, f_bavail=free // BLOCK)

    os.statvfs = statvfs  # type: ignore[assignment]


if __name__ == "__main__":
    pretend(Path(os.environ["DATA_DIR"]), int(os.environ["DISK_BYTES"]))
    server.main()
