"""Measures a server's processes by /proc: processor time and peak memory."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat from the state on; the name before them may contain any character."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(roots: list[int]) -> list[int]:
    """Return the roots and all their descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue
    found = {pid for pid in roots if pid in parents}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def postmasters(folder: Path) -> list[int]:
    """Return the process ids of PostgreSQL servers with data anywhere under a folder; they may have another parent."""
    return [int(path.read_text().split()[0]) for path in folder.rglob("postmaster.pid")]


def cpu_seconds(pids: list[int]) -> float:
    """Return the processor time so far in seconds, including children that have ended."""
    ticks = 0
    for pid in pids:
        try:
            ticks += sum(int(field) for field in _stat(pid)[11:15])
        except OSError:
            continue
    return ticks / TICKS


def memory(pids: list[int]) -> tuple[int, int]:
    """Return the sums of RSS and PSS in bytes. RSS counts shared pages for each process, PSS counts them once."""
    rss = pss = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        figures = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        rss += figures["Rss"] * 1024
        pss += figures["Pss"] * 1024
    return rss, pss


@dataclass
class Cost:
    cpu: float = 0.0
    rss: int = 0
    pss: int = 0


@contextmanager
def cost(roots: list[int], every: float | None = 0.25) -> Iterator[Cost]:
    """Measure what the processes and their children cost while the block runs; memory is read `every` so many seconds.

    With None it is read only at the end of the block, since reading it takes 10 % of a machine with two cores.
    """
    spent, over = Cost(), threading.Event()

    def look() -> None:
        rss, pss = memory(tree(roots))
        spent.rss, spent.pss = max(spent.rss, rss), max(spent.pss, pss)

    def watch() -> None:
        while every and not over.wait(every):
            look()

    watcher = threading.Thread(target=watch)
    before = cpu_seconds(tree(roots))
    watcher.start()
    try:
        yield spent
    finally:
        spent.cpu = cpu_seconds(tree(roots)) - before
        over.set()
        watcher.join()
        look()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(true: Callable[[], bool], seconds: float, look: float = 0.05) -> None:
    """Wait until `true()` returns True; raises TimeoutError after `seconds`."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not up after {seconds} seconds")
        time.sleep(look)
