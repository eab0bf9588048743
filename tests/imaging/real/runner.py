"""The process that judges files; it is started again after a file took too long or too much memory."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

from tests.imaging.real.trial import Found

SECONDS = 120
"""How long one file may take, on a busy machine."""


class Runner:
    """A context within which files are judged, one after the other; what stays of them goes into `kept`."""

    def __init__(self, kept: Path) -> None:
        self._kept = kept

    def __enter__(self) -> Runner:
        self._process = self._begun()
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def judge(self, path: Path, name: str) -> Found:
        """Return what became of a file; `lost` where the process did not live to say it."""
        sink, source = cast("IO[str]", self._process.stdin), cast("IO[str]", self._process.stdout)
        sink.write(json.dumps([str(path), name]) + "\n")
        sink.flush()
        line = source.readline() if select.select([source], [], [], SECONDS)[0] else ""
        if line:
            return Found(**json.loads(line))
        self._end()
        self._process = self._begun()
        return Found("lost", f"no answer within {SECONDS} seconds and the memory allowed")

    def _begun(self) -> subprocess.Popen[str]:
        command = (sys.executable, "-m", "tests.imaging.real.trial", str(self._kept))
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()
