"""Durations, sizes and addresses of databases as people write them, in settings and in requests alike."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

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
