"""How people write numbers, durations, sizes, addresses and hosts; and the count of processors."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_TRUSTED_HOST = re.compile(r"(\.?[a-z0-9_-]+)(\.[a-z0-9_-]+)*", re.ASCII)
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)
_UPLOAD_CODE = re.compile(r"([A-Za-z0-9_-]{1,32}):([A-Za-z0-9._~-]{12,128})", re.ASCII)
MOST_UPLOAD_CODES = 200
_HOST = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
_CONTACT = re.compile(
    rf"mailto:[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@{_HOST}|https://{_HOST}(:[0-9]{{1,5}})?(/[a-z0-9._~/?=&%+-]*)?",
    re.ASCII | re.IGNORECASE,
)
_DURATION = re.compile(r"(\d{1,9})(s|m|h|d)?", re.ASCII)
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"(\d{1,15}) ?(B|KiB|MiB|GiB)?", re.ASCII)
_RATE = re.compile(r"(\d{1,9})/(second|minute|hour|day)", re.ASCII)
_WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
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


def one_of(*words: str) -> Callable[[str], str]:
    """Return what reads one of some words, in any case; it raises ValueError that lists them."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"write {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return parse


def parse_proxies(text: str) -> tuple[int, bool]:
    """Read how many proxies there are, and whether they write ``Forwarded``; raises ValueError that says the forms."""
    number, _, field = text.partition(" ")
    if not re.fullmatch(r"\d|10", number, re.ASCII) or field.lower() not in {"", "forwarded"}:
        raise ValueError(
            "write how many proxies there are, from 0 to 10, such as 1, or 1 forwarded where they write the field"
            " Forwarded in place of X-Forwarded-For"
        )
    return int(number), bool(field)


@dataclass(frozen=True)
class Rate:
    """At most ``amount`` of something in ``seconds``."""

    amount: int
    seconds: int


@dataclass(frozen=True)
class RateLimit:
    """How much of something one client may do, and all clients together; None is no limit."""

    by_client: Rate | None
    in_all: Rate | None


def parse_rate_limits(text: str, usual: Mapping[str, RateLimit]) -> Mapping[str, RateLimit]:
    """Read ``off``, or ``uploads=60/minute,600/minute opens=off``, which changes some of the usual limits.

    The first rate is one client's, the second that of all together. Raises ValueError that says these forms.
    """
    if text == "off":
        return {}
    changed: dict[str, RateLimit] = {}
    for word in text.split():
        name, _, rates = word.partition("=")
        if name not in usual or name in changed:
            raise ValueError(
                f"write off, or name=RATE or name=RATE,RATE; each name once, of {', '.join(usual)}"
            )
        by_client, comma, in_all = rates.partition(",")
        changed[name] = replace(usual[name], by_client=_rate(by_client))
        if comma or by_client == "off":
            changed[name] = replace(changed[name], in_all=_rate(in_all if comma else "off"))
    return {**usual, **changed}


def _rate(text: str) -> Rate | None:
    found = _RATE.fullmatch(text)
    if text != "off" and (found is None or not int(found[1])):
        raise ValueError("write a rate as 60/minute, with second, minute, hour or day, or off")
    return Rate(int(found[1]), _WINDOWS[found[2]]) if found else None


def parse_valkey_url(text: str) -> str:
    """Read where a Valkey or a Redis is, as its client takes it; raises ValueError that says the forms."""
    scheme, _, rest = text.partition("://")
    parts = urlsplit(f"//{rest}")
    if scheme not in {"redis", "rediss", "valkey"} or not _is_port(parts) or not parts.hostname:
        raise ValueError("write redis://:PASSWORD@HOST:6379/0, rediss:// for TLS, or valkey://")
    return f"{scheme.replace('valkey', 'redis')}://{rest}"


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


def parse_contact(text: str) -> str:
    """Read whom people write to, as a URL of one of two kinds; raises ValueError that shows both."""
    if not _CONTACT.fullmatch(text):
        raise ValueError("write mailto:abuse@example.org, or an address such as https://example.org/abuse")
    return text


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


def parse_upload_codes(text: str) -> tuple[tuple[str, str], ...]:
    """Read upload codes and the name of each; raises ValueError that quotes none of them."""
    found = [_UPLOAD_CODE.fullmatch(word) for word in text.replace(",", " ").split()]
    for position, match in enumerate(found, start=1):
        if match is None:
            raise ValueError(
                f"code {position} is not NAME:CODE: a name has 1 to 32 letters, digits, - and _, a code 12 to 128 of"
                " those, . and ~; write spaces, commas or line ends between them"
            )
    codes = tuple((match[1], match[2]) for match in found if match)
    if not 1 <= len(codes) <= MOST_UPLOAD_CODES:
        raise ValueError(f"write 1 to {MOST_UPLOAD_CODES} codes, each as NAME:CODE")
    if len(dict(codes)) < len(codes) or len({code for _, code in codes}) < len(codes):
        raise ValueError("a name or a code stands there twice; give each code a name of its own")
    return codes


def parse_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Read networks as CIDR writes them (RFC 4632), a single address too; raises ValueError that shows one."""
    try:
        return tuple(map(ip_network, text.replace(",", " ").split()))
    except ValueError:
        raise ValueError(
            "write networks such as 192.0.2.0/24 or 2001:db8::/32, no bit set behind the prefix, separated by spaces"
        ) from None


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
