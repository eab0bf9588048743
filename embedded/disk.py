"""Space on the cluster's disk: without space for its WAL, PostgreSQL stops and can't be started again."""

import os
from pathlib import Path

MEGABYTE = 2**20
SEGMENT = 16  # megabytes of a WAL file, which is written whole
LEAST_WAL = 2 * SEGMENT
RESERVE = 64 * MEGABYTE


def has_room(data_dir: Path, under_way: int) -> bool:
    """Tell whether the disk has space for another image; ``under_way`` is how many bytes other uploads may be storing.

    Space is reserved for these bytes, as data and as WAL, for files that PostgreSQL makes for itself, and for those
    that a purge writes. On a small disk at most a sixteenth is reserved for the bytes under way.
    """
    found = os.statvfs(data_dir)
    reserve = max(RESERVE, min(3 * under_way, found.f_blocks * found.f_frsize // 16))
    return found.f_bavail * found.f_frsize >= reserve


def wal_sizes(data_dir: Path) -> dict[str, str]:
    """Return settings for the size of the WAL: a small part of a small disk, and enough for a burst on a large one."""
    found = os.statvfs(data_dir)
    megabytes = found.f_blocks * found.f_frsize // MEGABYTE
    most = max(LEAST_WAL, min(1024, megabytes // 8))
    least = max(LEAST_WAL, min(256, megabytes // 16))
    return {"max_wal_size": f"{most}MB", "min_wal_size": f"{least}MB"}
