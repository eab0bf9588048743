"""Parsers of numbers, durations, sizes, rates and codes; and how much of the machine this process may use."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_UPLOAD_CODE = re.compile(r"([A-Za-z0-9_-]{1,32}):([A-Za-z0-9._~-]{12,128})", re.ASCII)
MOST_UPLOAD_CODES = 200
_DURATION = re.compile(r"(\d{1,9})(s|m|h|d)?", re.ASCII)
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_SIZE = re.compile(r"(\d{1,15}) ?(B|KiB|MiB|GiB)?", re.ASCII)
_RATE = re.compile(r"(\d{1,9})/(second|minute|hour|day)", re.ASCII)
_WINDOWS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_BYTES = {None: 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_duration(text: str) -> int:
    """Parse ``300``, ``90s``, ``5m``, ``1h`` or ``1d`` to seconds; the message of ValueError names these forms."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError("write whole seconds, 1 or more, or 90s, 5m, 1h, 1d")
    return int(match[1]) * _SECONDS[match[2]]


def parse_size(text: str) -> int:
    """Parse ``20971520``, ``512KiB``, ``20MiB`` or ``2GiB`` to bytes; the message of ValueError names these forms."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or int(match[1]) == 0:
        raise ValueError("write whole bytes, 1 or more, or 512KiB, 20MiB, 2GiB")
    return int(match[1]) * _BYTES[match[2]]


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from ``low`` to ``high``; it raises ValueError."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return parse


def one_of(*words: str) -> Callable[[str], str]:
    """Return a parser that accepts one of some words, in any case; it raises ValueError."""

    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"write {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return parse


def one_line(most: int) -> Callable[[str], str]:
    """Return a parser of one line of plain text with at most ``most`` characters; it raises ValueError."""

    def parse(text: str) -> str:
        line = text.strip()
        if not line.isprintable() or not 1 <= len(line) <= most:
            raise ValueError(f"write one line of plain text, {most} characters at most")
        return line

    return parse


@dataclass(frozen=True)
class Rate:
    """At most ``amount`` of something in ``seconds``."""

    amount: int
    seconds: int


@dataclass(frozen=True)
class RateLimit:
    """The rates that one client, and all clients together, may reach; None is no limit."""

    by_client: Rate | None
    in_all: Rate | None


def parse_rate_limits(text: str, usual: Mapping[str, RateLimit]) -> Mapping[str, RateLimit]:
    """Parse ``off``, or changes of the usual limits such as ``uploads=60/minute,600/minute opens=off``.

    The first rate is that of one client, the second that of all clients together. Raises ValueError.
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


def or_off(parse: Callable[[str], int]) -> Callable[[str], int]:
    """Return a parser that accepts ``off`` as 0, and all that ``parse`` accepts; it raises ValueError."""

    def parse_or_off(text: str) -> int:
        try:
            return 0 if text == "off" else parse(text)
        except ValueError as error:
            raise ValueError(f"{error}; or off") from None

    return parse_or_off


def parse_yes_or_no(text: str) -> bool:
    """Parse ``true`` or ``false``, in any case; raises ValueError."""
    if text.lower() not in {"true", "false"}:
        raise ValueError("write true or false")
    return text.lower() == "true"


def parse_upload_codes(text: str) -> tuple[tuple[str, str], ...]:
    """Parse upload codes to pairs of a name and a code; raises ValueError, whose message contains no code."""
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
        raise ValueError("a name or a code is used twice; give each code a name of its own")
    return codes


def usable_processors(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return how many processors this process may use, by its CPU affinity and the quotas of its control groups.

    A fraction is rounded up: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    """
    found = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [_quota(group / "cpu.max") for group in _groups(cgroups, membership)]
    return math.ceil(min([found, *quotas]))


def usable_memory(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return how many bytes of memory this process may use: the machine's, or the limit of its control groups.

    Control groups of version 1 count, too: https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_number(group / "memory.max") for group in _groups(cgroups, membership)]
    limits += [
        _number(group / "memory.limit_in_bytes")
        for group in _groups(cgroups / "memory", membership, "memory")
    ]
    return int(min([machine, *limits]))


def _groups(cgroups: Path, membership: Path, controller: str = "") -> Iterator[Path]:
    """Yield the folders of this process's control group and of its parents; "" stands for the groups of version 2."""
    with contextlib.suppress(OSError):
        for line in membership.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(","):
                group = cgroups / path.removeprefix("/")
                yield from (group, *group.parents)


def _quota(file: Path) -> float:
    """Return how many processors a file allows; infinity if it is missing, as in the root, or contains "max"."""
    try:
        quota, period = file.read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError):
        return math.inf


def _number(file: Path) -> float:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return math.inf
