"""Three of Mayfly behind HAProxy: what clients notice while one, the database or Valkey goes, and at upgrades."""

from __future__ import annotations

import argparse
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Protocol

import requests

from tests.cast import FLOWER
from tests.cluster.clients import Clients
from tests.cluster.cluster import Cluster, running
from tests.cluster.drop import Drop
from tests.cluster.fleet import Fleet, sailing
from tests.cluster.network import Machine, own
from tests.cluster.program import newer
from tests.cluster.table import line, say
from tests.cluster.writers import longest
from tests.processes import until
from tests.test_docs import RECIPES, run_recipe

QUIET_SECONDS = 1.5
CROWDS = 2
VIEWS, ASKERS = 3, 24
PATIENCE = 60
COLUMNS = (
    *("what happens", "times", "seconds without an upload: median", "most", "acknowledged", "503", "cut off"),
    *("lost", "views too many", "stale", "500", "other errors"),
)
NAMED = ("stored", "away", "cut off", "lost", "views too many", "stale")
DYING = {"node killed", "node cut off", "node paused"}
"""A request that was under way at a server which dies is cut off: nobody else knows how far it came."""


@dataclass
class World:
    """All that runs, and whose turn it is."""

    fleet: Fleet
    cluster: Cluster | None
    folder: Path
    away_seconds: float = 6
    """For how long what is killed, paused or cut off is away."""
    turns: int = 0
    versions: list[Path] = field(default_factory=list)

    def next(self) -> Drop:
        """The member of the fleet to which it happens this time."""
        self.turns += 1
        return self.fleet.drops[self.turns % len(self.fleet.drops)]


class Part(Protocol):
    """What can be paused and cut off."""

    machine: Machine

    def send(self, number: signal.Signals) -> None:
        """Signal it."""


def node_killed(world: World) -> None:
    """Kill a member, and start it anew."""
    drop = world.next()
    drop.kill()
    time.sleep(world.away_seconds)
    drop.start()


def paused(world: World, part: Part) -> None:
    """Stop a part for a while."""
    part.send(signal.SIGSTOP)
    time.sleep(world.away_seconds)
    part.send(signal.SIGCONT)


def cut_off(world: World, part: Part) -> None:
    """Cut the link of a part's machine for a while."""
    part.machine.cut()
    time.sleep(world.away_seconds)
    part.machine.mend()


def valkey_killed(world: World) -> None:
    """Kill Valkey with all its counts, and start it anew."""
    world.fleet.valkey.kill()
    time.sleep(world.away_seconds)
    world.fleet.valkey.start()


def upgraded(world: World) -> None:
    """Bring every member in turn to a version with one migration more, as operations.md says."""
    before = world.fleet.drops[0].program
    after = newer(world.folder / f"version {world.turns}-{len(world.versions)}", before)
    world.versions.append(after)
    for drop in world.fleet.drops:
        drop.stop()
        drop.program = after
        drop.start()
        world.fleet.wait_until_ready()
        time.sleep(2)


def switched_over(world: World) -> None:
    """Have the other PostgreSQL be the primary."""
    assert world.cluster
    world.cluster.switch_over()


def database_killed(world: World) -> None:
    """Kill the primary."""
    assert world.cluster
    world.cluster.primary().send(signal.SIGKILL)


EVENTS: dict[str, Callable[[World], None]] = {
    "node killed": node_killed,
    "node paused": lambda world: paused(world, world.next()),
    "node cut off": lambda world: cut_off(world, world.next()),
    "Valkey killed": valkey_killed,
    "Valkey paused": lambda world: paused(world, world.fleet.valkey),
    "Valkey cut off": lambda world: cut_off(world, world.fleet.valkey),
    "database switched over": switched_over,
    "database killed": database_killed,
    "all upgraded": upgraded,
}


@dataclass
class Told:
    """What all clients saw of one event, over all its times."""

    event: str
    gaps: list[float] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def faultless(self) -> bool:
        allowed = {"stored", "away"} | ({"cut off"} if self.event in DYING else set())
        return not set(+self.seen) - allowed

    def row(self) -> str:
        gaps = [f"{statistics.median(self.gaps):.1f}", f"{max(self.gaps):.1f}"]
        counts = [f"{self.seen[name]:,}" for name in NAMED]
        ours = sum(amount for name, amount in self.seen.items() if name.endswith(" 500"))
        others = sum(amount for name, amount in self.seen.items() if name not in NAMED) - ours
        return line(self.event, len(self.gaps), *gaps, *counts, ours, others)


def options(parser: argparse.ArgumentParser) -> None:
    """Describe what this form takes."""
    parser.add_argument("--times", type=int, default=5, help="of each event (5)")
    parser.add_argument("--events", nargs="+", choices=EVENTS, default=list(EVENTS), metavar="EVENT")
    parser.add_argument("--seconds", type=float, default=6, help="for which something is away (6)")


def run(arguments: argparse.Namespace) -> bool:
    """Let all events happen in turn, and print the table; True where no answer was wrong."""
    events = [event for event in arguments.events if "cut off" not in event or own()]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(running(folder))
        by_proxy, by_names = cluster.addresses["HAProxy"], cluster.addresses["several hosts"]
        fleet = stack.enter_context(sailing(folder, (by_proxy, by_names, by_names)))
        world = World(fleet, cluster, folder, arguments.seconds)
        shared(fleet)
        say("what one stored, the others open, and views are counted once")
        recipes(fleet, folder)
        say(f"{len(RECIPES)} recipes of the README work through HAProxy")
        told = {event: Told(event) for event in events}
        with crowds(fleet) as clients:
            for _, event in product(range(arguments.times), events):
                happen(world, clients, told[event])
                say(told[event].row())
    say(line(*COLUMNS), line("---", *["---:"] * (len(COLUMNS) - 1)), *(each.row() for each in told.values()))
    return all(each.faultless for each in told.values())


def shared(fleet: Fleet) -> None:
    """Check that each opens what another stored, and that all of them together give no view too many."""
    for drop in fleet.drops:
        stored = requests.post(f"{drop.url}/upload", data=FLOWER, timeout=PATIENCE).json()
        for other in fleet.drops:
            answer = requests.get(f"{other.url}/image/{stored['hash']}", timeout=PATIENCE)
            assert answer.content == FLOWER
    limited = requests.post(
        f"{fleet.drops[0].url}/upload?views={VIEWS}", data=FLOWER, timeout=PATIENCE
    ).json()

    def view(number: int) -> int:
        drop = fleet.drops[number % len(fleet.drops)]
        return requests.post(f"{drop.url}/image/{limited['hash']}", timeout=PATIENCE).status_code

    with ThreadPoolExecutor(ASKERS) as pool:
        assert Counter(pool.map(view, range(ASKERS))) == {200: VIEWS, 404: ASKERS - VIEWS}


def recipes(fleet: Fleet, folder: Path) -> None:
    """Run every recipe of the README through HAProxy."""
    for number, (kind, text) in enumerate(RECIPES):
        place = folder / f"recipe {number}"
        place.mkdir()
        run_recipe(kind, text, fleet.url, place)


@contextmanager
def crowds(fleet: Fleet) -> Iterator[list[Clients]]:
    """Have clients that never rest, and that know HAProxy alone."""
    clients = [Clients(fleet.url, behind_proxy=True) for _ in range(CROWDS)]
    for each in clients:
        each.start()
    try:
        yield clients
    finally:
        for each in clients:
            each.stop()


def happen(world: World, clients: list[Clients], told: Told) -> None:
    """Let one event happen, wait until all is well again, and count what the clients saw."""
    world.fleet.wait_until_ready()
    began, before = time.monotonic(), [Counter(each.wrong) for each in clients]
    time.sleep(QUIET_SECONDS)
    EVENTS[told.event](world)
    if world.cluster and told.event.startswith("database"):
        world.cluster.wait_until_whole()
    world.fleet.wait_until_ready()
    well = time.monotonic()
    assert until(lambda: all(each.stored_since(well) > 3 for each in clients), PATIENCE), "nothing is stored"
    time.sleep(QUIET_SECONDS)
    stored = [image.at for each in clients for image in each.images]
    told.gaps.append(longest(stored, began))
    for each, wrong in zip(clients, before, strict=True):
        each.look_again(began)
        told.seen += each.wrong - wrong + each.counted(began)
