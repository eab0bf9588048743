"""Databases of images come, go, hang and die: two of Mayfly share up to three, one of them a pair under Patroni."""

from __future__ import annotations

import argparse
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tests.cluster.alone import alone, another_version
from tests.cluster.cluster import Cluster, running
from tests.cluster.databases import Database, Pair, Single
from tests.cluster.network import own
from tests.cluster.rolling import PATIENCE, Node
from tests.cluster.shard_load import Load
from tests.cluster.table import line, say
from tests.processes import until

QUIET_SECONDS = 2
QUICK_SECONDS = 1
"""Half of the 503s take less: those that come once it is known that a database is away."""
WAYS = ("HAProxy", "several hosts")
"""How each of the two reaches the pair."""
COLUMNS = (
    *("what happens", "times", "acknowledged", "opened", "of them just before their end"),
    *("503 of images that are away", "seconds until it: median", "most", "slowest upload, seconds"),
    *("lost", "other answers"),
)
NAMED = ("acknowledged", "opened", "opened last", "away")


@dataclass
class World:
    """All that runs, and the list of databases that is valid."""

    databases: dict[str, Database]
    nodes: list[Node]
    load: Load
    seconds: float
    """For how long what is killed or frozen is away."""
    newest: dict[str, Database] = field(default_factory=dict)

    def roll(self, newest: dict[str, Database], before: dict[str, Database]) -> None:
        for node in self.nodes:
            node.stop()
            node.start(newest, before)

    def keep(self, names: str) -> None:
        """Have these databases in the list and no other."""
        self.change({name: self.databases[name] for name in names})

    def change(self, new: dict[str, Database]) -> None:
        """Change the list as docs/operations.md has it, while all that is read and written goes on."""
        old = self.newest
        self.roll(old, new)
        self.roll(new, old)
        time.sleep(self.load.life)  # MAX_LIFETIME
        self.roll(new, {})
        self.newest, self.load.names = new, new

    @contextmanager
    def away(self, *names: str) -> Iterator[None]:
        """Have images of these shards be away in the block, and until every node has noticed that they are back."""
        self.load.away = names
        yield
        assert until(lambda: all(node.ready() for node in self.nodes), PATIENCE)
        self.load.away = ()

    def single(self) -> Single:
        """One that has no standby."""
        database = self.databases["a"]
        assert isinstance(database, Single)
        return database

    @property
    def pair(self) -> Cluster:
        pair = self.databases["c"]
        assert isinstance(pair, Pair)
        return pair.cluster


def all_but_one_killed(world: World) -> None:
    """Each one is the survivor once."""
    for survivor in world.newest:
        dead = [name for name in world.newest if name != survivor]
        with world.away(*dead):
            for name in dead:
                world.databases[name].kill()
                time.sleep(world.seconds)
            for name in dead:
                world.databases[name].come_back()


def one_frozen(world: World) -> None:
    """Stop all processes of one; connections to it are accepted, and nobody answers."""
    server = world.single().server
    with world.away("a"):
        server.send(signal.SIGSTOP)
        time.sleep(world.seconds + 20)  # more than one use of a connection may take
        server.send(signal.SIGCONT)


def one_cut_off(world: World) -> None:
    """Cut the link of one's machine: packets to it vanish, and nobody refuses a connection."""
    machine = world.single().server.machine
    with world.away("a"):
        machine.cut()
        time.sleep(world.seconds + 6)  # until it was noticed and for the given time
        machine.mend()


def another_version_and_back(world: World) -> None:
    """Have a PostgreSQL of another major version in the place of one, and then that one again."""
    before = world.newest
    world.change({**before, "b": world.databases["b of another version"]})
    world.change(before)


def switched_over(world: World) -> None:
    with world.away("c"):
        world.pair.switch_over()
        world.pair.wait_until_whole()


def primary_killed(world: World) -> None:
    with world.away("c"):
        world.pair.primary().send(signal.SIGKILL)
        time.sleep(world.seconds)
        world.pair.wait_until_whole()


EVENTS: dict[str, Callable[[World], None]] = {
    "two become three": lambda world: world.keep("abc"),
    "all but one killed in turn": all_but_one_killed,
    "one frozen": one_frozen,
    "one cut off": one_cut_off,
    "another major version and back": another_version_and_back,
    "pair switched over": switched_over,
    "pair's primary killed": primary_killed,
    "three become two": lambda world: world.keep("ac"),
}


@dataclass
class Told:
    """What all clients saw of one event, over all its times."""

    event: str
    times: int = 0
    slowest: float = 0
    seen: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)

    @property
    def faultless(self) -> bool:
        quick = not self.waits or statistics.median(self.waits) < QUICK_SECONDS
        return quick and not set(+self.seen) - set(NAMED)

    def row(self) -> str:
        counts = [f"{self.seen[name]:,}" for name in NAMED]
        others = {name: number for name, number in self.seen.items() if name not in {*NAMED, "lost"}}
        seconds = (
            [f"{statistics.median(self.waits):.2f}", f"{max(self.waits):.1f}"] if self.waits else ["", ""]
        )
        slowest = f"{self.slowest:.1f}"
        return line(self.event, self.times, *counts, *seconds, slowest, self.seen["lost"], others or 0)


def options(parser: argparse.ArgumentParser) -> None:
    """Describe what this form takes."""
    parser.add_argument("--times", type=int, default=1, help="of all events in turn (1)")
    parser.add_argument("--events", nargs="+", choices=EVENTS, default=list(EVENTS), metavar="EVENT")
    parser.add_argument("--seconds", type=float, default=6, help="for which something is away (6)")
    parser.add_argument("--life", type=int, default=30, help="of an image, in seconds (30)")


def run(arguments: argparse.Namespace) -> bool:
    """Let all events happen in turn, and print the table; True where no answer was wrong."""
    told = {event: Told(event) for event in arguments.events if "cut off" not in event or own()}
    with ExitStack() as stack:
        world = made(stack, arguments)
        with world.load.running():
            for _, event in product(range(arguments.times), told):
                happen(world, told[event])
                say(told[event].row())
    say(line(*COLUMNS), line("---", *["---:"] * (len(COLUMNS) - 1)), *(each.row() for each in told.values()))
    return all(each.faultless for each in told.values())


def made(stack: ExitStack, arguments: argparse.Namespace) -> World:
    """Start two of Mayfly on two databases, of three that there are; the pair only where something happens to it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o755)
    paired = any("pair" in event for event in arguments.events)
    databases: dict[str, Database] = {
        name: Single(stack.enter_context(alone(folder / name))) for name in ("ab" if paired else "abc")
    }
    if paired:
        (folder / "c").mkdir()
        databases["c"] = Pair(stack.enter_context(running(folder / "c")))
    if any("version" in event for event in arguments.events):
        other = stack.enter_context(alone(folder / "other", another_version()))
        databases["b of another version"] = Single(other)
    nodes = [Node(folder / f"mayfly {way}", way, arguments.life) for way in WAYS]
    load = Load(nodes, arguments.life, names="ac")
    world = World(databases, nodes, load, arguments.seconds, {name: databases[name] for name in "ac"})
    for node in nodes:
        stack.callback(node.stop)
        node.start(world.newest, {})
    return world


def happen(world: World, told: Told) -> None:
    """Let one event happen, and count what the clients saw until all is well again."""
    time.sleep(QUIET_SECONDS)
    EVENTS[told.event](world)
    time.sleep(QUIET_SECONDS)
    told.times += 1
    told.seen += world.load.seen
    told.slowest = max(told.slowest, world.load.slowest_upload)
    told.waits += world.load.waits
    world.load.start_anew()
