"""Measures what a file costs: processor time and memory, each step in a child process with limits."""

from __future__ import annotations

import gc
import json
import os
import re
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imaging import ImagingError, Limits
from imaging.formats.first_bytes import media_type_of
from imaging.sandbox.examining import read_mended
from tests.imaging import walks

LIMITS = Limits()
MB = 1 << 20
# A child that takes more than these is ended; they only keep the machine safe, and are well above the bounds.
MOST_MEMORY, MOST_SECONDS = 512 * MB, 10


@dataclass(frozen=True)
class Bound:
    """What one part of the way may cost for a file of so many bytes, beside the file itself."""

    seconds: float
    copies: int
    memory: int

    def broken_by(self, cost: Cost, size: int) -> bool:
        """Say whether a file of this size cost more."""
        allowed = self.copies * size + self.memory
        return cost.seconds > self.seconds or cost.memory > allowed or cost.said.startswith("CRASH")


@dataclass(frozen=True)
class Cost:
    """What a file cost in one part of the way, and what became of it."""

    seconds: float
    memory: int
    said: str


Work = Callable[[bytes], object]


def in_server(data: bytes) -> object:
    """Do what a server process does with the bytes it got, until the verdict or until it asks a sandbox."""
    media_type = media_type_of(memoryview(data))
    return walks.read(data, LIMITS) if media_type in walks.IN_SERVER else media_type


def in_sandbox(data: bytes) -> object:
    """Do what a sandbox does before it decodes: walk and clean."""
    media_type = media_type_of(memoryview(data))
    if media_type == "image/jpeg":
        return read_mended(data, LIMITS, keep_metadata=False)
    return None if media_type in walks.IN_SERVER else walks.read(data, LIMITS)


PARTS: dict[str, tuple[Work, Bound]] = {
    "server": (in_server, Bound(0.25, 1, 32 * MB)),
    "sandbox": (in_sandbox, Bound(1.0, 4, 64 * MB)),
}


def cost_of(work: Work, data: bytes, tries: int = 3, enough: float = 0.1) -> Cost:
    """Return the least of some tries, but of one alone where that took less than `enough` seconds."""
    costs = [_cost_of(work, data)]
    while costs[-1].seconds > enough and len(costs) < tries:
        costs.append(_cost_of(work, data))
    return min(costs, key=lambda cost: cost.seconds)


def _cost_of(work: Work, data: bytes) -> Cost:
    source, sink = os.pipe()
    child = os.fork()
    if not child:
        os.close(source)
        sys.settrace(None)  # a measurement of coverage is none of the cost
        gc.freeze()  # nor is looking through what the tests hold
        os.write(sink, json.dumps(_measured(work, data)).encode())
        os._exit(0)
    os.close(sink)
    with os.fdopen(source, "rb") as answer:
        told = answer.read()
    _, status, usage = os.wait4(child, 0)
    if told:
        return Cost(*json.loads(told))
    ended = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else "an exit"
    return Cost(usage.ru_utime + usage.ru_stime, MOST_MEMORY, f"CRASH by {ended}")


def _measured(work: Work, data: bytes) -> tuple[float, int, str]:
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MOST_MEMORY, resource.RLIM_INFINITY))
    before, started = _kilobytes("VmRSS"), time.process_time()
    said = _said(work, data)
    return time.process_time() - started, (_kilobytes("VmHWM") - before) * 1024, said


def _said(work: Work, data: bytes) -> str:
    try:
        work(data)
    except ImagingError as refusal:
        return type(refusal).__name__
    except BaseException as error:
        return f"CRASH {type(error).__name__}: {error}"
    return "accepted"


def _kilobytes(field: str) -> int:
    found = re.search(field + r":\s+(\d+)", Path("/proc/self/status").read_text())
    if not found:
        sys.exit(f"no {field} in /proc/self/status")
    return int(found[1])
