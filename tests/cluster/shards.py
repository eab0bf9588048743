"""Databases of images come, go, hang and die: two of Mayfly share up to three, one of them a pair under Patroni."""

from __future__ import annotations

import argparse
import signal
import tempfile
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import requests

from tests.cast import SERVER_KEY
from tests.cluster.alone import Alone
from tests.cluster.cluster import Cluster, running
from tests.cluster.shard_load import Load
from tests.cluster.table import line, say
from tests.processes import free_port, serving, until
from tests.shards import frozen, postmaster_of

PATIENCE = 120
QUIET_SECONDS = 2
WAYS = ("HAProxy", "several hosts")
"""How each of the two reaches the pair."""
COLUMNS = (
    *("what happens", "times", "acknowledged", "opened", "of them just before their end"),
    *("503 of images that are away", "slowest upload, seconds", "lost", "other answers"),
)
NAMED = ("acknowledged", "opened", "opened last", "away")


class Database(ABC):
    """A shard, which can be killed, and comes back."""

    @abstractmethod
    def url(self, way: str) -> str:
        """Where it is reached."""

    @abstractmethod
    def kill(self) -> None:
        """Kill it."""

    @abstractmethod
    def come_back(self) -> None:
        """See to it that it runs again."""


class Single(Database):
    """One PostgreSQL."""

    def __init__(self, folder: Path) -> None:
        self.server = Alone(folder)
        self.come_back()

    def url(self, _way: str) -> str:
        return self.server.url

    def kill(self) -> None:
        self.server.kill()

    def come_back(self) -> None:
        self.server.start()


class Pair(Database):
    """Two PostgreSQL under Patroni, which starts them again by itself."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def url(self, way: str) -> str:
        return self.cluster.addresses[way]

    def kill(self) -> None:
        for node in self.cluster.nodes:
            node.send(signal.SIGKILL)

    def come_back(self) -> None:
        self.cluster.wait_until_whole()


@dataclass
class Node:
    """A Mayfly that is started anew with other lists, out of rotation meanwhile."""

    folder: Path
    way: str
    life: int
    port: int = field(default_factory=free_port)
    in_rotation: bool = False
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, newest: dict[str, Database], before: dict[str, Database]) -> None:
        settings = {
            "SHARDS": self._written(newest),
            "SHARDS_BEFORE": self._written(before),
            "SECRET_KEYS": SERVER_KEY,
            "DATA_DIR": str(self.folder),
            "LIFETIME": f"{self.life}s",
            "MAX_LIFETIME": f"{self.life}s",
            "PURGE_INTERVAL": "2s",
            "WORKERS": "1",
        }
        self._running.enter_context(serving(port=self.port, **settings))  # type: ignore[arg-type]
        self.in_rotation = True

    def _written(self, databases: dict[str, Database]) -> str:
        return " ".join(f"{name}={database.url(self.way)}" for name, database in databases.items())

    def stop(self) -> None:
        self.in_rotation = False
        time.sleep(1)  # what is under way ends
        self._running.close()

    def ready(self) -> bool:
        """Whether all databases answer it."""
        told = requests.get(f"{self.url}/readyz", timeout=PATIENCE).json()
        return bool(told["parts"]["database"]["ok"])


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

    def change(self, names: str) -> None:
        """Change the list as docs/operations.md has it, while all that is read and written goes on."""
        old, new = self.newest, {name: self.databases[name] for name in names}
        self.roll(old, new)
        self.roll(new, old)
        time.sleep(self.load.life)  # MAX_LIFETIME
        self.roll(new, {})
        self.newest, self.load.names = new, names

    @contextmanager
    def away(self, *names: str) -> Iterator[None]:
        """Have images of these shards be away in the block, and until every node has noticed that they are back."""
        self.load.away = names
        yield
        assert until(lambda: all(node.ready() for node in self.nodes), PATIENCE)
        self.load.away = ()

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
    database = world.databases["a"]
    assert isinstance(database, Single)
    with world.away("a"), frozen(postmaster_of(database.server.folder)):
        time.sleep(world.seconds + 20)  # more than one use of a connection may take


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
    "two become three": lambda world: world.change("abc"),
    "all but one killed in turn": all_but_one_killed,
    "one frozen": one_frozen,
    "pair switched over": switched_over,
    "pair's primary killed": primary_killed,
    "three become two": lambda world: world.change("ac"),
}


@dataclass
class Told:
    """What all clients saw of one event, over all its times."""

    event: str
    times: int = 0
    slowest: float = 0
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def faultless(self) -> bool:
        return not set(+self.seen) - set(NAMED)

    def row(self) -> str:
        counts = [f"{self.seen[name]:,}" for name in NAMED]
        others = {name: number for name, number in self.seen.items() if name not in {*NAMED, "lost"}}
        return line(self.event, self.times, *counts, f"{self.slowest:.1f}", self.seen["lost"], others or 0)


def options(parser: argparse.ArgumentParser) -> None:
    """Describe what this form takes."""
    parser.add_argument("--times", type=int, default=1, help="of all events in turn (1)")
    parser.add_argument("--events", nargs="+", choices=EVENTS, default=list(EVENTS), metavar="EVENT")
    parser.add_argument("--seconds", type=float, default=6, help="for which something is away (6)")
    parser.add_argument("--life", type=int, default=30, help="of an image, in seconds (30)")


def run(arguments: argparse.Namespace) -> bool:
    """Let all events happen in turn, and print the table; True where no answer was wrong."""
    told = {event: Told(event) for event in arguments.events}
    with ExitStack() as stack:
        world = made(stack, arguments)
        with world.load.running():
            for _, event in product(range(arguments.times), arguments.events):
                happen(world, told[event])
                say(told[event].row())
    say(line(*COLUMNS), line("---", *["---:"] * (len(COLUMNS) - 1)), *(each.row() for each in told.values()))
    return all(each.faultless for each in told.values())


def made(stack: ExitStack, arguments: argparse.Namespace) -> World:
    """Start two of Mayfly on two databases, of three that there are; the pair only where something happens to it."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    folder.chmod(0o755)
    databases: dict[str, Database] = {}
    alone = "ab" if any("pair" in event for event in arguments.events) else "abc"
    for name in alone:
        (folder / name).mkdir()
        database = databases[name] = Single(folder / name)
        stack.callback(database.server.close)
    if "c" not in alone:
        (folder / "c").mkdir()
        databases["c"] = Pair(stack.enter_context(running(folder / "c")))
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
    told.slowest = max(told.slowest, world.load.slowest.get("upload", 0))
    world.load.start_anew()
