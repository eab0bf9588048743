"""Three servers of Mayfly behind HAProxy: what clients notice when one or a backend fails, and at upgrades."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import requests

from tests.cast import FLOWER, noise
from tests.cluster.behind import standing
from tests.cluster.clients import Clients
from tests.cluster.events import EVENTS, World
from tests.cluster.fleet import Fleet, running_fleet
from tests.cluster.network import own
from tests.cluster.table import line, say
from tests.cluster.writers import longest
from tests.processes import until
from tests.test_docs import RECIPES, run_recipe

QUIET_SECONDS = 1.5
CROWDS = 2
VIEWS, ASKERS = 3, 24
LARGE = noise(400, 300)
"""360,000 bytes, so that they go to the object store."""
PATIENCE = 60
COLUMNS = (
    *("what happens", "times", "seconds without an upload: median", "most", "acknowledged", "503"),
    *("503 to uploads", "cut off", "lost", "views too many", "stale", "500", "other errors"),
)
NAMED = ("stored", "away", "refused", "cut off", "lost", "views too many", "stale")
DYING = {"node killed", "node cut off", "node paused"}
"""A request that was under way at a server which dies is cut off: nobody else knows how far it came."""
REFUSING = {"SeaweedFS killed", "SeaweedFS paused", "SeaweedFS cut off", "node cut off"}
"""Uploads of large images are refused meanwhile, also by a node whose own link is cut. No other event may refuse one: a
shard lives, and takes it."""


@dataclass
class Told:
    """What all clients saw of one event, over all its times."""

    event: str
    gaps: list[float] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    why: Counter[str] = field(default_factory=Counter)
    """The reasons of 503s to uploads."""

    @property
    def wrong(self) -> dict[str, int]:
        """The forbidden outcomes, and how often each occurred."""
        allowed = {"stored", "away"}
        allowed |= {"cut off"} if self.event in DYING else set()
        allowed |= {"refused"} if self.event in REFUSING else set()
        return {name: amount for name, amount in self.seen.items() if amount and name not in allowed}

    def details(self) -> list[str]:
        """What is wrong, and why uploads were refused."""
        return [f"  {name}: {amount}" for name, amount in (self.wrong | self.why).items()]

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
        behind = stack.enter_context(standing(folder))
        ways = [behind.settings(way) for way in ("HAProxy", "several hosts", "several hosts")]
        fleet = stack.enter_context(running_fleet(folder, ways))
        world = World(fleet, folder, arguments.seconds, behind)
        shared(fleet)
        say("what one stored, the others open, and views are counted once")
        recipes(fleet, folder)
        say(f"{len(RECIPES)} recipes of the README work through HAProxy")
        told = {event: Told(event) for event in events}
        with crowds(fleet, LARGE) as clients:
            for _, event in product(range(arguments.times), events):
                happen(world, clients, told[event])
                say(told[event].row(), *told[event].details())
    say(line(*COLUMNS), line("---", *["---:"] * (len(COLUMNS) - 1)), *(each.row() for each in told.values()))
    return not any(each.wrong for each in told.values())


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
def crowds(fleet: Fleet, *more: bytes) -> Iterator[list[Clients]]:
    """Have clients that never rest, that know HAProxy alone, and that have these pictures beside the flower."""
    clients = [Clients(fleet.url, behind_proxy=True, pictures=(FLOWER, *more)) for _ in range(CROWDS)]
    for each in clients:
        each.start()
    try:
        yield clients
    finally:
        for each in clients:
            each.stop()


def happen(world: World, clients: list[Clients], told: Told) -> None:
    """Let one event happen, wait until all is well again, and count what the clients saw."""
    world.fleet.wait_until_whole()
    began, before = time.monotonic(), [Counter(each.wrong) for each in clients]
    time.sleep(QUIET_SECONDS)
    EVENTS[told.event](world)
    if told.event.startswith("pair"):
        world.behind.cluster.wait_until_whole()
    world.fleet.wait_until_whole()
    well = time.monotonic()
    assert until(lambda: all(each.stored_since(well) > 3 for each in clients), PATIENCE), "nothing is stored"
    time.sleep(QUIET_SECONDS)
    stored = [image.at for each in clients for image in each.images]
    told.gaps.append(longest(stored, began))
    for each, wrong in zip(clients, before, strict=True):
        each.look_again(began)
        told.seen += each.wrong - wrong + each.counted(began)
        why = each.refused(began)
        told.seen["refused"] += why.total()
        told.why += why
