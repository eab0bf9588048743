"""Where an upload and an open spend their time, step by step: `python -m benchmarks.steps` writes docs/steps.md."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg2.extensions
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from benchmarks.images import noise_jpeg
from benchmarks.postgres_alone import SCHEMA, Bytes, copy_in, copy_out, key_of
from benchmarks.report import DOCS, number, table
from benchmarks.step.server import HEADER
from benchmarks.step.table import BOUNDS, COMMIT, OPEN, RECEIVE, REST, SEND, UPLOAD
from benchmarks.subjects import Served, measured
from crypto.fernet import open_sealed, seal

SIZES = {"100 KB": (100_000, 300), "10 MB": (10_000_000, 40)}
ORDER = {
    "upload": [RECEIVE, *dict.fromkeys(UPLOAD.values()), COMMIT, REST, SEND],
    "open": [*dict.fromkeys(OPEN.values()), REST, SEND],
}
Times = dict[str, tuple[float, float]]  # seconds of wall and of processor time
TEXT = """# Where the time goes

Written by `python -m benchmarks.steps` on {cores} cores that others may use meanwhile, Python {python}: the server as
`python app.py` starts it, one client, connections kept, JPEGs of noise sent bare. Every step is timed without those
inside it, wall and processor time of its own thread. Figures are medians over {turns} requests, so a column need
not add up. Where wall time is above processor time, the step waits for PostgreSQL, the disk or the other end.
"rest" is what no step names; "send" is what the client waits beyond the application: granian, sockets, the client,
which of an upload is not counted as named. A step that is done beside the request has that in its name.
`benchmarks/step/table.py` says which function is which step.

{cells}
## What the machine allows
Each alone, in ms, the best of several: what a step can't go below, however it is written.

{ceilings}
"""


@dataclass
class Cell:
    """One verb at one size: the median latency in seconds, and medians by step."""

    latency: float
    steps: Times

    def named(self, verb: str) -> float:
        """The share of the latency that steps with a name explain; to an upload, send is the framework's too."""
        rest = (REST, SEND) if verb == "upload" else (REST,)
        return sum(wall for step, (wall, _) in self.steps.items() if step not in rest) / self.latency


def request(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[Times, float, bytes]:
    begun = time.perf_counter()
    connection.request(method, path, body)
    answer = connection.getresponse()
    told = answer.read()
    took = time.perf_counter() - begun
    if answer.status not in (200, 201):
        raise SystemExit(f"{method} {path}: {answer.status} {told[:200]!r}")
    steps: Times = {step: (wall, cpu) for step, (wall, cpu) in json.loads(answer.headers[HEADER]).items()}
    return steps | {SEND: (took - sum(wall for wall, _ in steps.values()), 0.0)}, took, told


def cell(verb: str, turn: Callable[[], tuple[Times, float, bytes]], turns: int) -> Cell:
    """Medians of so many turns, after a few to warm up; a step that was never called ends the run."""
    for _ in range(5):
        turn()
    found = [turn()[:2] for _ in range(turns)]
    names = dict.fromkeys([*ORDER[verb], *(step for steps, _ in found for step in steps)])
    for step in names:
        if not any(step in steps for steps, _ in found):
            raise SystemExit(f"{verb}: {step} was never called; mend benchmarks/step/table.py")
    medians: Times = {}
    for step in names:
        both = [steps.get(step, (0.0, 0.0)) for steps, _ in found]
        medians[step] = statistics.median(one for one, _ in both), statistics.median(two for _, two in both)
    return Cell(statistics.median(took for _, took in found), medians)


def measure(served: Served, scale: float) -> dict[tuple[str, str], Cell]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    cells = {}
    for name, (size, turns) in SIZES.items():
        jpeg, times = noise_jpeg(size), max(3, int(turns * scale))
        cells["upload", name] = cell("upload", lambda: request(connection, "POST", "/upload", jpeg), times)  # noqa: B023
        link = json.loads(request(connection, "POST", "/upload?lifetime=1h", jpeg)[2])["hash"]
        cells["open", name] = cell("open", lambda: request(connection, "GET", f"/image/{link}"), times)  # noqa: B023
    return cells


def ceilings(url: str, folder: Path) -> dict[str, list[float]]:
    """The least that hashing, AES, COPY and fsync take here, in ms a size."""
    found: dict[str, list[float]] = {}
    base = psycopg2.connect(url)
    with base, base.cursor() as made:
        made.execute(SCHEMA)
    for size, _ in SIZES.values():
        for name, way in bare(noise_jpeg(size), base, folder).items():
            found.setdefault(name, []).append(min(timed(way) for _ in range(15)) * 1e3)
    base.close()
    return found


def bare(data: bytes, base: psycopg2.extensions.connection, folder: Path) -> dict[str, Callable[[], object]]:
    """What steps consist of, each by itself; COPY out reads what COPY in has put there."""
    sealed, whole, keys = seal(bytes(32), data, at=0), Bytes(data), itertools.count()
    cbc = Cipher(algorithms.AES(bytes(16)), modes.CBC(bytes(16))).encryptor()
    room, blocks = bytearray(len(data) + 16), memoryview(data)[: len(data) // 16 * 16]
    return {
        "one copy in memory": lambda: bytearray(data),
        "SHA-256": lambda: sha256(data).digest(),
        "AES-CBC, encrypting": lambda: cbc.update_into(blocks, room),
        "seal: AES-CBC, then HMAC": lambda: seal(bytes(32), data, at=0),
        "open: HMAC, then AES-CBC": lambda: open_sealed(bytes(32), sealed),
        "`COPY` in, with its commit": lambda: copy_in(base, whole, key_of(len(data), next(keys))),
        "`COPY` out": lambda: copy_out(base, whole, key_of(len(data), 0)),
        "the bytes written to a file, with fsync": lambda: written(folder / "file", data),
    }


def timed(way: Callable[[], object]) -> float:
    begun = time.perf_counter()
    way()
    return time.perf_counter() - begun


def written(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def text_of(cells: dict[tuple[str, str], Cell], least: dict[str, list[float]]) -> str:
    parts = []
    for verb in ORDER:
        both = [cells[verb, size] for size in SIZES]
        steps = list(dict.fromkeys(step for each in both for step in each.steps))
        head = [verb, *(f"{size}: ms, CPU ms, share" for size in SIZES), "bound by"]
        rows = [[step, *(_shown(each, step) for each in both), BOUNDS.get(step, "")] for step in steps]
        rows.append(["in all", *(f"{number(each.latency * 1e3)}" for each in both), ""])
        rows.append(["named steps explain", *(f"**{each.named(verb):.0%}**" for each in both), ""])
        parts.append(f"## {verb.capitalize()}\n{table(head, rows)}\n")
    rows = [[name, *map(number, times)] for name, times in least.items()]
    return TEXT.format(
        cores=os.cpu_count(),
        python=platform.python_version(),
        turns=" and ".join(f"{turns} ({size})" for size, (_, turns) in SIZES.items()),
        cells="\n".join(parts),
        ceilings=table(["ms", *SIZES], rows),
    )


def _shown(cell: Cell, step: str) -> str:
    wall, cpu = cell.steps.get(step, (0.0, 0.0))
    spent = "" if step == SEND else number(cpu * 1e3)
    return f"{number(wall * 1e3)}, {spent or '-'}, {wall / cell.latency:.0%}"


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with measured(folder) as (served, url):
            text = text_of(measure(served, 0.1 if quick else 1), ceilings(url, folder))
    sys.stdout.write(text)
    if not quick:
        (DOCS / "steps.md").write_text(text)


if __name__ == "__main__":
    main()
