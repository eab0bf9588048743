"""One attack on one server: attackers and honest clients in processes of their own, and a look at memory."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from tests.attack.peaks import Peaks
from tests.attack.registry import Attack
from tests.attack.result import Memory, Result
from tests.attack.wire import HOST
from tests.processes import ROOT, Served

ENDING_SECONDS = 100
"""What an attack may take to end, and an honest client to be served, beyond the time that was asked for."""


def tried(attack: Attack, port: int, seconds: float, served: Served | None = None) -> Result:
    """Attack the server at a port for ``seconds`` while others ask it; look at the memory of one that we ``served``."""
    with _attacking(attack, port) as attacker, _peaks(served) as peaks:
        seen = _others(port, seconds, visits=attack.others)
        out, _ = attacker.communicate(timeout=ENDING_SECONDS)
    if attacker.returncode:
        raise RuntimeError(f"the attack {attack.name} broke off")
    counted = json.loads(out)
    memory = Memory(peaks.main, peaks.worker, peaks.sandboxes) if peaks else None
    seen = {kind: [(times, status) for times, status in pairs] for kind, pairs in seen.items()}
    return Result(attack, **counted, **seen, memory=memory)


@contextlib.contextmanager
def _attacking(attack: Attack, port: int) -> Iterator[subprocess.Popen[str]]:
    """An attack that has begun; it ends when its input does."""
    command = [sys.executable, "-m", "tests.attack.attacker", attack.name, str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            if process.stdout.readline() != "begun\n":
                raise RuntimeError(f"{attack.name} could not be prepared for the server at {HOST}:{port}")
            yield process
        finally:
            process.kill()


def _peaks(served: Served | None) -> contextlib.AbstractContextManager[Peaks | None]:
    return Peaks(served) if served else contextlib.nullcontext()


def _others(port: int, seconds: float, *, visits: bool) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.attack.others", str(port), str(seconds)]
    ran = subprocess.run(
        [*command, "visits" if visits else "healthz"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        timeout=seconds + ENDING_SECONDS,
    )
    return dict(json.loads(ran.stdout))
