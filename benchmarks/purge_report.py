"""The figures of the purge as text: docs/purge.md."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.load import Load
from benchmarks.purge_cost import Removal, Results
from benchmarks.purge_lag import Lag
from benchmarks.purge_load import AT_ONCE, CLIENTS, EVERY, Rounds
from benchmarks.report import DOCS, machine, number, table
from config import Config
from models.ciphertext import SHORTEST_SPAN

GOAL = 1.5
TEXT = """# What a purge costs

Written by `python -m benchmarks.purge`: one run of {minutes:.1f} minutes; machine load in the five before: {busy:.1f}.
[Decision 5](decisions/0005-ring-of-slots.md) says why sealed bytes are in a ring of tables that the purge truncates.

## Removing 10, 100 and 1,000 MB
Images of 1 MB, uploaded through Mayfly, then expired. The purge deletes their rows and truncates their slots:
ten, as many as five minutes of uploads fill. Beside it, the same sealed bytes as `bytea` rows of one table,
removed by one `DELETE`. Then what was touched is vacuumed: for Mayfly `images`, the slots and `pg_class`, where
`TRUNCATE` notes the new files.

A checkpoint comes before each removal, except where the table says so: the first change of a page after it puts
the whole page into the WAL, and a `DELETE` changes every page. Autovacuum stays away from the one table, so
that its `VACUUM` is the whole work. Medians of the runs.

{cost}

{cost_words}

## Uploads and opens meanwhile
100 KB, {clients} clients, Mayfly as `make run` serves it. *With*: `/cleanup` is asked every {every:g} s, and
each time removes {at_once} images of 1 MB that have expired since. *Without*: nobody purges. *Without again*
differs from *without* in nothing: it tells what the machine does by itself. {rounds} rounds of these windows of
{seconds:g} s, in an order that turns, a checkpoint before each. Latencies are medians of the rounds, ratios are
medians of each round's ratio (least to most).

{load}

{load_words}
No request waits for one: the slot is over, so only the purge wants its table while the file system frees it.

## How soon
An image's row goes with the first purge after its expiry, and its sealed bytes with the first purge after the
end of the span of its slot: {span} s (`SHORTEST_SPAN`) and {interval} s (`PURGE_INTERVAL`) with the defaults,
so within **{sum} s** of the expiry, and the moment that the purge takes. `tests/services/test_purge.py` holds
that sum under a minute, and the ring so wide that no slot is filled anew before.

{lag}

An upload or an open that is at the slot's table in that moment holds the purge off until the next one,
{interval} s later.

## With what
{surroundings}
- PostgreSQL, the embedded one: {settings}.
"""


@dataclass(frozen=True)
class Found:
    """All that one run measured."""

    results: Results
    bare: tuple[int, float]  # megabytes, and seconds to truncate a file of them
    rounds: Rounds
    lag: Lag | None
    settings: dict[str, str]
    minutes: float
    busy: float  # load average before the run


def text(found: Found) -> str:
    interval = Config.purge_interval
    return TEXT.format(
        minutes=found.minutes,
        busy=found.busy,
        cost=cost(found.results),
        cost_words="\n".join(cost_words(found.results, *found.bare)),
        clients=CLIENTS,
        every=EVERY,
        at_once=AT_ONCE,
        rounds=len(found.rounds.loads["up", "with"]),
        seconds=found.rounds.seconds,
        load=load(found.rounds),
        load_words=load_words(found.rounds),
        span=SHORTEST_SPAN,
        interval=interval,
        sum=SHORTEST_SPAN + interval,
        lag=lag(found.lag),
        surroundings="\n".join(machine()),
        settings=", ".join(f"{name}={value}" for name, value in found.settings.items()),
    )


def write(found: Found) -> None:
    (DOCS / "purge.md").write_text(text(found))


def cost(results: Results) -> str:
    """One line a case and way."""
    head = ["", "", "runs", "remove, ms", "WAL, MB", "VACUUM, ms", "its WAL, MB", "dead tuples"]
    rows = []
    for case, runs in results.items():
        where = "one slot" if case.slots == 1 else f"{case.slots} slots"
        name = f"{case.megabytes:,} MB in {where}{', no checkpoint since' if case.fresh else ''}"
        for way, removals in zip(("purge", "`DELETE`"), zip(*runs, strict=True), strict=True):
            rows.append([name, way, str(len(runs)), *_line(removals)])
    return table(head, rows)


def _line(removals: tuple[Removal, ...]) -> list[str]:
    values = [
        [
            each.removing.seconds * 1e3,
            each.removing.wal / 1e6,
            each.vacuum.seconds * 1e3,
            each.vacuum.wal / 1e6,
        ]
        for each in removals
    ]
    medians = [number(statistics.median(column)) for column in zip(*values, strict=True)]
    return [*medians, f"{statistics.median(each.dead for each in removals):,.0f}"]


def cost_words(results: Results, megabytes: int, seconds: float) -> Iterator[str]:
    """How the largest case compares, and what bounds the purge."""
    case = max(results, key=lambda case: (case.megabytes, case.slots))
    ours, theirs = zip(*results[case], strict=True)

    def times(what: str) -> str:
        middles = [statistics.median(_of(each, what) for each in removals) for removals in (ours, theirs)]
        return number(middles[1] / middles[0])

    yield (
        f"For {case.megabytes:,} MB the `DELETE` with its `VACUUM` takes {times('seconds')} × the time of the purge"
        f" with its own,\nand writes {times('wal')} × the WAL."
    )
    yield (
        f"\nTwo things bound the purge. The file system: truncating one plain file of {megabytes} MB takes it"
        f" {seconds * 1e3:.0f} ms here, in the same run."
    )
    yield "And the slots: each is a transaction of its own, with a flush of the WAL and four new files, a few"
    yield "milliseconds whatever is in it. The `DELETE` can be faster where there is little in each of many slots, or"
    yield "where no checkpoint came since the upload; it still leaves the dead tuples, and the room on the disk to its"
    yield "`VACUUM`."


def _of(removal: Removal, what: str) -> float:
    return float(getattr(removal.removing, what)) + float(getattr(removal.vacuum, what))


def load(rounds: Rounds) -> str:
    head = ["", "", "requests/s", "p50 ms", "p99 ms", f"p99 × without (goal: under {GOAL})", "p50 × without"]
    rows = []
    for (verb, window), loads in rounds.loads.items():
        row = [f"{verb} 100 KB", window, *(_median(loads, name) for name in ("rate", "p50_ms", "p99_ms"))]
        without = rounds.loads[verb, "without"]
        if window == "without":
            rows.append([*row, "", ""])
        else:
            rows.append([*row, *(_ratios(loads, without, name) for name in ("p99_ms", "p50_ms"))])
    return table(
        head, sorted(rows, key=lambda row: (row[0] == "open 100 KB", row[1] == "without again", row[1]))
    )


def _median(loads: list[Load], name: str) -> str:
    return number(statistics.median(float(getattr(each, name)) for each in loads))


def _ratios(loads: list[Load], without: list[Load], name: str) -> str:
    each = [getattr(one, name) / getattr(other, name) for one, other in zip(loads, without, strict=True)]
    return f"**{number(statistics.median(each))}** ({number(min(each))} to {number(max(each))})"


def load_words(rounds: Rounds) -> str:
    times = sorted(rounds.purges)
    return (
        f"The {len(times)} purges of {AT_ONCE} MB were answered in {statistics.median(times) * 1e3:.0f} ms each,"
        f" {times[-1] * 1e3:.0f} ms the longest, under this load."
    )


def lag(found: Lag | None) -> str:
    if found is None:
        return "In this run the bytes were not gone in time."
    return (
        f"Measured in this run on a server with default settings that nobody asked to purge: {len(found.rows)} images"
        f"\nthat expired all over one span. Their rows were gone within {max(found.rows):.1f} s, their bytes within"
        f" {max(found.bytes):.1f} s."
    )
