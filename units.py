"""How people write numbers, durations, sizes, addresses and hosts; and the count of processors."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_TRUSTED_HOST = re.compile(r"(\.?[a-z0-9_-]+)(\.[a-z0-9_-]+)*", re.ASCII)
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)
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


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return what reads a whole number from ``low`` to ``high``; it raises ValueError that says so."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return parse


def parse_bind(text: str) -> tuple[str, int]:
    """Read the address and the port to listen on, ``HOST:PORT``; raises ValueError that says this form."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("write HOST:PORT, for example 127.0.0.1:5000")
    return host.strip("[]"), int(port)


def parse_base_url(text: str) -> str:
    """Read the address that clients see, and leave a slash at its end out; raises ValueError that shows one."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("write the address that clients see, for example https://drop.example.org")
    return text.rstrip("/")


def or_off(parse: Callable[[str], int]) -> Callable[[str], int]:
    """Return what reads as ``parse`` does, and ``off`` as 0; it raises ValueError that says so."""

    def parse_or_off(text: str) -> int:
        try:
            return 0 if text == "off" else parse(text)
        except ValueError as error:
            raise ValueError(f"{error}; or off") from None

    return parse_or_off


def parse_yes_or_no(text: str) -> bool:
    """Read ``true`` or ``false`` in any case; raises ValueError that says these two."""
    if text.lower() not in {"true", "false"}:
        raise ValueError("write true or false")
    return text.lower() == "true"


def parse_hosts(text: str) -> tuple[str, ...]:
    """Read names of hosts, ``.example.org`` for all below one too; raises ValueError that says these forms."""
    names = tuple(text.lower().replace(",", " ").split())
    if not all(_TRUSTED_HOST.fullmatch(name) for name in names):
        raise ValueError(
            "write host names without a port such as drop.example.org, or .example.org for it and all below it,"
            " separated by spaces"
        )
    return names


def parse_origins(text: str) -> tuple[str, ...]:
    """Read origins as browsers send them (RFC 6454); raises ValueError that shows one."""
    return tuple(_origin(origin) for origin in text.replace(",", " ").split())


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text.lower()):
        raise ValueError(
            "write exact origins such as https://app.example.org, separated by spaces; no path, no *"
        )
    return text.lower()


def parse_host(text: str) -> str:
    """Read where a database is: a name, an address, or the folder of a Unix socket; raises ValueError."""
    bare = text.strip("[]")
    if bare.count(":") > 1:
        return f"[{bare}]"
    if not text.startswith("/") and set(text) & set(":/@?#, "):
        raise ValueError(
            "write a name or an address, its port as POSTGRES_PORT, or the folder of a Unix socket"
        )
    return text


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
