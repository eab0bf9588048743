"""Counts the work of the script's requests and prints it: `python -m tests.work.count`.

It is a process of its own, since a debugger, a coverage tool or a test runner would be counted as well.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import embedded
from app import Mayfly, create_app, migrate
from config import Config
from services import DatabaseClock
from tests.cast import SERVER_KEY
from tests.work.proxy import Wire, counting
from tests.work.script import Request, Script

ROOT = Path(__file__).parents[2]
Figures = dict[str, dict[str, float]]
PER_IMAGE = ("bytes to PostgreSQL", "bytes from PostgreSQL")


def counted() -> dict[str, Any]:
    """Count in a process of its own, by request and figure."""
    env = {**os.environ, "PYTHONHASHSEED": "0"}  # the order of a set may decide what is sent first
    env.pop("COVERAGE_PROCESS_START", None)
    ran = subprocess.run(
        [sys.executable, "-m", __name__], cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    return dict(json.loads(ran.stdout))


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as door,
        embedded.running(Path(folder), durable=False) as url,
        _counted_app(url, Path(folder), Path(door)) as (app, wire),
    ):
        requests = work_of_all(app, wire)
    sys.stdout.write(json.dumps({"requests": requests}, indent=1) + "\n")


@contextmanager
def _counted_app(url: str, folder: Path, door: Path) -> Iterator[tuple[Mayfly, Wire]]:
    address, _, server = url.partition("?host=")
    with counting(door, Path(server)) as wire:
        config = Config(
            database_url=f"{address}?host={door}",
            data_dir=folder,
            secret_keys=(SERVER_KEY,),
            purge_interval=0,
        )
        app = create_app(config)
        migrate(app)
        app.before_request(lambda: forget(app.shards.home.clock))
        yield app, wire


def forget(clock: DatabaseClock) -> None:
    """Have the next upload ask for the time, as one does that is the only one in its second."""
    clock._last_read = -float("inf"), clock._last_read[1]


def work_of_all(app: Mayfly, wire: Wire) -> Figures:
    """Every figure of every request, each counted in a run of its own after one that warms caches and the pool."""
    figures: Figures = {}
    for request in Script(app).requests():
        answer(app, request)
        found = messages(app, request, wire)
        figures[request.name] = {name: _rounded(request, name, value) for name, value in found.items()}
    return figures


def _rounded(request: Request, name: str, value: int) -> float:
    """Bytes are told as multiples of the image's size where a request moves one."""
    return round(value / request.image, 2) if request.image and name in PER_IMAGE else value


def answer(app: Mayfly, request: Request, around: Callable[[Callable[[], Any]], Any] | None = None) -> Any:
    """Answer a request as a server has it answered; ``around`` runs that, and what it returns is returned."""
    given = request.prepare()
    statuses: list[str] = []

    def start(status: str, *_: object) -> Callable[[bytes], object]:
        statuses.append(status)
        return lambda _: None

    def run() -> int:
        response = app(given, start)
        size = sum(len(piece) for piece in response)
        if not isinstance(response, list):  # what is handed over piece by piece ends when it is closed
            response.close()  # type: ignore[attr-defined]
        return size

    gc.collect()
    gc.disable()  # what it finalises and when is chance
    try:
        result = around(run) if around else run()
    finally:
        gc.enable()
    assert statuses[0].startswith(str(request.status)), (request.name, statuses)
    return result


def messages(app: Mayfly, request: Request, wire: Wire) -> dict[str, int]:
    """What is said to PostgreSQL, and heard."""

    def around(run: Callable[[], Any]) -> dict[str, int]:
        before = wire.counts()
        run()
        return {name: count - before[name] for name, count in wire.counts().items()}

    return dict(answer(app, request, around))


if __name__ == "__main__":
    main()
