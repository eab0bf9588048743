"""Room on the disk of the cluster: PostgreSQL stops, and can't start again, when it has no room for its WAL."""

import os
from pathlib import Path

MEGABYTE = 2**20
SEGMENT = 16  # megabytes of a WAL file, which is written whole
LEAST_WAL = 2 * SEGMENT
RESERVE = 64 * MEGABYTE


def has_room(data_dir: Path, under_way: int) -> bool:
    """Tell whether more can be stored, though ``under_way`` bytes may be about to be stored at this moment.

    They have to fit, as data and as WAL, beside the files that PostgreSQL makes for itself and those that a purge
    writes to give room back. On a small disk no more than a sixteenth is kept free for them.
    """
    found = os.statvfs(data_dir)
    reserve = max(RESERVE, min(3 * under_way, found.f_blocks * found.f_frsize // 16))
    return found.f_bavail * found.f_frsize >= reserve


def wal_sizes(data_dir: Path) -> dict[str, str]:
    """The settings that keep the WAL to a small part of a small disk; a large one gets what a burst can use."""
    found = os.statvfs(data_dir)
    megabytes = found.f_blocks * found.f_frsize // MEGABYTE
    most = max(LEAST_WAL, min(1024, megabytes // 8))
    least = max(LEAST_WAL, min(256, megabytes // 16))
    return {"max_wal_size": f"{most}MB", "min_wal_size": f"{least}MB"}
