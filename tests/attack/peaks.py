"""The most memory that each kind of a server's processes had, looked at ten times a second."""

from __future__ import annotations

import threading
from pathlib import Path

from tests.processes import Served

EVERY_SECONDS = 0.1


def in_memory(pid: int, which: str) -> int:
    """A field of /proc/PID/status in bytes, such as VmHWM (the most ever) or VmRSS (now); 0 for who is gone."""
    try:
        found = Path(f"/proc/{pid}/status").read_text().partition(f"{which}:")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[0]) * 1024 if found else 0


class Peaks:
    """Bytes: the largest worker's and the main process's by VmHWM, and of all sandboxes together by VmRSS."""

    def __init__(self, served: Served) -> None:
        self.main = self.worker = self.sandboxes = 0
        self._served = served
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look)

    def __enter__(self) -> Peaks:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            main, workers = self._served.process.pid, self._served.workers()
            rest = set(self._served.family()) - {main, *workers}
            self.main = max(self.main, in_memory(main, "VmHWM"))
            self.worker = max(self.worker, *(in_memory(pid, "VmHWM") for pid in workers), 0)
            self.sandboxes = max(self.sandboxes, sum(in_memory(pid, "VmRSS") for pid in rest))
