"""Durations, sizes and addresses of databases as people write them, and the count of processors."""

from __future__ import annotations

import contextlib
import math
import os
import re
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_DURATION = re.compile(r"(\d{1,9})(s|m|h|d)?", re.ASCII)
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"(\d{1,15}) ?(B|KiB|MiB|GiB)?", re.ASCII)
_BYTES = {None: 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_duration(text: str) -> int:
    """Read seconds from ``300``, ``90s``, ``5m``, ``1h`` or ``1d``; raises ValueError that says these forms."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError("write whole seconds, 1 or more, or 90s, 5m, 1h, 1d")
    return int(match[1]) * _SECONDS[match[2]]


def parse_size(text: str) -> int:
    """Read bytes from ``20971520``, ``512KiB``, ``20MiB`` or ``2GiB``; raises ValueError that says these forms."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError("write whole bytes, 1 or more, or 512KiB, 20MiB, 2GiB")
    return int(match[1]) * _BYTES[match[2]]


def parse_database_url(text: str) -> str:
    """Read the address of a PostgreSQL, and write it as SQLAlchemy takes it; raises ValueError that says the form."""
    scheme, _, rest = text.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg2"} or not rest:
        raise ValueError(
            "write postgresql://USER:PASSWORD@HOST/DATABASE; Mayfly needs PostgreSQL 15 or newer"
        )
    parts = urlsplit(f"//{rest}")
    login, _, host = parts.netloc.rpartition("@")
    if "," in host:
        raise ValueError(
            "write several hosts as postgresql://USER:PASSWORD@/DATABASE?host=ONE:5432&host=TWO:5432"
        )
    if "@" in login or parts.fragment or host.endswith(":") or not _is_port(parts):
        raise ValueError(
            "a port is a number up to 65535; in a password write %40 for @, %2F for /, %23 for #"
        )
    return f"postgresql+psycopg2://{rest}"


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def usable_processors(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Count the processors that this process may use: by its affinity, and by the quotas of its control groups.

    A part of a processor counts as one: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    """
    found: float = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with contextlib.suppress(OSError):
        for line in membership.read_text().splitlines():
            if line.startswith("0::/"):
                group = cgroups / line.removeprefix("0::/")
                found = min([found, *map(_quota, (group, *group.parents))])
    return math.ceil(found)


def _quota(group: Path) -> float:
    try:
        quota, period = (group / "cpu.max").read_text().split()
        return int(quota) / int(period)
    except (
        OSError,
        ValueError,
    ):  # there is no such file above the root, and where there is no quota it says "max"
        return math.inf
