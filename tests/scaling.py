"""What so many uploads a second take: `python -m tests.scaling` prints the tables of docs/scaling.md.

Processor times are those of docs/measurements/lean.md; where the other figures come from stands in the page.
"""

import heapq
import math
import random
import sys
from dataclasses import dataclass

from benchmarks.report import number, table
from models.ciphertext import SHORTEST_SPAN

RATES = (10, 1_000, 100_000)
MONTH = 30 * 86_400
PURGE_INTERVAL = 10
SIMULATED = 20_000  # requests at one node


@dataclass(frozen=True)
class Cost:
    """Processor time in ms: of a request of any size, and for each MB more."""

    base: float
    per_mb: float

    def of(self, megabytes: float) -> float:
        return self.base + self.per_mb * megabytes


UPLOAD_NODE, UPLOAD_DATABASE = Cost(1.04, 4.09), Cost(0.17, 3.07)
OPEN_NODE, OPEN_DATABASE = Cost(0.52, 1.99), Cost(0.15, 0.60)
ROW_MB = 0.01  # what PostgreSQL writes for an image's row with all its indexes: docs/measurements/growth.md
WRITTEN = 2.06  # and for each byte of an image that is in rows: once into the WAL, once into the table


@dataclass(frozen=True)
class Load:
    """What clients do: uploads a second of so many MB that live for so many seconds, and are opened so often each."""

    uploads: float
    megabytes: float = 2.0
    lifetime: int = 300
    opens: float = 2.0


@dataclass(frozen=True)
class Machine:
    """What a machine can do, as node or as database; it is planned to do no more than ``busy`` of that."""

    cores: int = 8
    busy: float = 0.6
    disk_mb: float = 500  # written a second
    wire_mb: float = 1_250  # in a second, and as much out: 10 Gbit/s
    connections: int = 40  # of a node to each database: WORKERS x (THREADS + 1)


@dataclass(frozen=True)
class Prices:
    """US dollars, AWS us-east-1: S3 Standard, a processor of m7g on demand, and traffic to the internet."""

    put: float = 0.005 / 1_000
    get: float = 0.0004 / 1_000
    gb_month: float = 0.023
    core_hour: float = 0.0408
    gb_out: float = 0.05


def need(load: Load, s3: bool, machine: Machine = Machine(), prices: Prices = Prices()) -> dict[str, float]:
    """The formula: what must work, with nothing to spare for a machine that is away."""
    up, opened, size = load.uploads, load.uploads * load.opens, load.megabytes
    in_rows = 0.0 if s3 else size
    room, wire = machine.cores * machine.busy * 1_000, machine.wire_mb * machine.busy
    node = up * UPLOAD_NODE.of(size) + opened * OPEN_NODE.of(size)
    database = up * UPLOAD_DATABASE.of(in_rows) + opened * OPEN_DATABASE.of(in_rows)
    written = up * (ROW_MB + in_rows * WRITTEN)
    nodes = math.ceil(max(node / room, (up + opened) * size / wire))
    disk = machine.disk_mb * machine.busy
    databases = math.ceil(max(database / room, written / disk, (up + opened) * in_rows / wire))
    living = up * size * kept_seconds(load) / 1_000
    puts, gets = (up, opened) if s3 else (0.0, 0.0)
    return {
        "nodes": nodes,
        "databases": databases,
        "PostgreSQL writes, MB/s": written,
        "images stored at a time, GB": living,
        "connections to each database": nodes * machine.connections,
        "Valkey, commands/s": 4 * (up + opened),
        "S3, PUT/s": puts,
        "S3, GET/s": gets,
        "S3, $ a month": MONTH * (puts * prices.put + gets * prices.get) + s3 * living * prices.gb_month,
        "machines, $ a month": (nodes + databases) * machine.cores * MONTH / 3_600 * prices.core_hour,
        "traffic to clients, $ a month": opened * size / 1_000 * MONTH * prices.gb_out,
    }


def kept_seconds(load: Load) -> float:
    """How long an image's bytes are there: its life, half of its slot's span, and half of the time between purges."""
    return load.lifetime + SHORTEST_SPAN / 2 + PURGE_INTERVAL / 2


def node_milliseconds(load: Load, busy: float, cores: int = 8, seed: int = 1) -> tuple[float, float]:
    """Simulate a node: requests come at random (Poisson) and queue for its processors; median and p99 in ms."""
    draw, weights = random.Random(seed), (1.0, load.opens)
    kinds = UPLOAD_NODE.of(load.megabytes), OPEN_NODE.of(load.megabytes)
    mean = sum(kind * weight for kind, weight in zip(kinds, weights, strict=True)) / sum(weights)
    free, now, took = [0.0] * cores, 0.0, []
    for work in draw.choices(kinds, weights, k=SIMULATED):
        now += draw.expovariate(cores * busy / mean)
        end = max(now, heapq.heappop(free)) + work
        heapq.heappush(free, end)
        took.append(end - now)
    took.sort()
    return took[SIMULATED // 2], took[SIMULATED * 99 // 100]


def stored_gb(load: Load, seconds: int = 1_800, seed: int = 1) -> tuple[float, float]:
    """Simulate the ring of slots a second at a time; the mean and the most that it holds once it is full."""
    draw, slots, held = random.Random(seed), dict[int, float](), []
    for now in range(seconds):
        came = max(0.0, draw.gauss(load.uploads, math.sqrt(load.uploads)))
        slot = (now + load.lifetime) // SHORTEST_SPAN
        slots[slot] = slots.get(slot, 0.0) + came * load.megabytes / 1_000
        if now % PURGE_INTERVAL == PURGE_INTERVAL // 2:
            slots = {slot: size for slot, size in slots.items() if (slot + 1) * SHORTEST_SPAN > now}
        held.append(sum(slots.values()))
    full = held[2 * load.lifetime :]
    return sum(full) / len(full), max(full)


def needs() -> str:
    """The formula at each rate, bytes in rows and in S3."""
    cases = [(rate, s3) for rate in RATES for s3 in (False, True)]
    found = [need(Load(rate), s3) for rate, s3 in cases]
    head = ["uploads a second, bytes in", *(f"{rate:,}, {'S3' if s3 else 'rows'}" for rate, s3 in cases)]
    return table(
        head, [[name, *(f"{each[name]:,.{int(0 < each[name] < 1)}f}" for each in found)] for name in found[0]]
    )


def queues() -> str:
    """The simulated node at several loads."""
    rows = [[f"{busy:.0%}", *map(number, node_milliseconds(Load(1), busy))] for busy in (0.3, 0.6, 0.75, 0.9)]
    return table(["processors busy", "median, ms", "p99, ms"], rows)


if __name__ == "__main__":
    stored = "Stored at 1,000 uploads/s: {:,.0f} GB, {:,.0f} at most\n".format(*stored_gb(Load(1_000)))
    sys.stdout.write("\n\n".join([needs(), queues(), stored]))
