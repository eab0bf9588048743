"""Starts a real server of Mayfly, as ``python app.py`` does."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

ROOT = Path(__file__).parent.parent
START_SECONDS = 60


@dataclass
class Served:
    """A running Mayfly: where it answers, its main process, and what it has logged so far."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log_path: Path

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Signal the main process and wait for its end."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def workers(self) -> list[int]:
        """The ids of the processes that answer, the one that was started first coming first."""
        own = command_of(self.process.pid)
        found = [pid for pid in children_of(self.process.pid) if command_of(pid) in {own, _SPAWNED}]
        return sorted((pid for pid in found if name_of(pid) != "mayfly-origin"), key=_started)

    def serving(self) -> int:
        """How many workers are ready to serve."""
        return sum(name_of(pid) == "mayfly-worker" for pid in children_of(self.process.pid))

    def family(self) -> list[int]:
        """The ids of the main process and of all its descendants."""
        found, fresh = [self.process.pid], [self.process.pid]
        while fresh:
            fresh = [child for pid in fresh for child in children_of(pid)]
            found += fresh
        return found


_SPAWNED = "multiprocessing.spawn"


def command_of(pid: int) -> str:
    """The words of what a process runs, each ended by a zero byte; nothing where it has ended.

    They are the same for a forked child, and one name for whatever multiprocessing spawns.
    """
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return _SPAWNED if "spawn_main" in words else words


def name_of(pid: int) -> str:
    """The name that a process gave itself; nothing where it has ended."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _started(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def children_of(pid: int) -> list[int]:
    """The ids of the processes that a process has started, and that still are."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(true: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


class Killable:
    """Runs another project's program, which tests signal and kill."""

    _process: subprocess.Popen[bytes] | None = None

    def send(self, number: signal.Signals) -> None:
        """Signal it."""
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it at once; nothing where it has ended."""
        if self._process:
            self._process.kill()
            self._process.wait(30)


def write_no_file() -> None:
    """From here on no file grows: whoever tries gets EFBIG. Sockets and pipes are not files."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


NO_LIMITS = {"RATE_LIMITS": "off", "MAX_IMAGES_PER_CLIENT": "off", "MAX_BYTES_PER_CLIENT": "off"}


@contextmanager
def serving(
    *arguments: str,
    before: Callable[[], None] | None = None,
    command: tuple[str, ...] = ("app.py",),
    under: tuple[str, ...] = (),
    address: str = "127.0.0.1",
    port: int | None = None,
    **env: str,
) -> Iterator[Served]:
    """Serve with the given settings until the block ends, on a port that is free where none is named.

    The output goes to a log, through a pipe to ``cat``. Whole files of tests call one server, and use one database,
    from one address: with RATE_LIMITS="" and MAX_IMAGES_PER_CLIENT="" a server has the limits that are usual.
    """
    port = port or free_port()
    with tempfile.TemporaryDirectory() as folder:
        log_path = Path(folder) / "log"
        with log_path.open("wb") as log, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=log) as cat:
            process = subprocess.Popen(
                [*under, sys.executable, *command, *arguments],
                cwd=ROOT,
                env={**os.environ, "BIND": f"{address}:{port}", "WORKERS": "2", **NO_LIMITS, **env},
                stdin=subprocess.DEVNULL,
                stdout=cat.stdin,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before,
            )
            assert cat.stdin
            cat.stdin.close()
            served = Served(f"http://{address}:{port}", port, process, log_path)
            try:
                assert until(lambda: _answers(served), START_SECONDS), served.log
                yield served
            finally:
                _end(served)


def _answers(served: Served) -> bool:
    assert served.process.poll() is None, served.log
    try:
        return requests.get(f"{served.url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False


def end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Ask a process to end, and end it if it hasn't after so many seconds."""
    process.terminate()  # nothing where it has ended
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end(served: Served) -> None:
    family = served.family()
    end(served.process, 30)
    if not until(lambda: not any(map(alive, family)), 15):
        for pid in filter(alive, family):
            os.kill(pid, signal.SIGKILL)
