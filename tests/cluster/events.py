"""The events: one of three servers of Mayfly, or one of their backends, is killed, paused, cut off or upgraded."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.cluster.alone import Alone
from tests.cluster.behind import Behind
from tests.cluster.drop import Drop
from tests.cluster.fleet import Fleet
from tests.cluster.network import Machine
from tests.cluster.program import newer


class Part(Protocol):
    """What can be killed, started again and paused."""

    def start(self) -> None:
        """Run it, and wait until it answers."""

    def kill(self) -> None:
        """End it at once."""

    def send(self, number: signal.Signals) -> None:
        """Signal it."""


class Linked(Protocol):
    """What has a link."""

    machine: Machine


@dataclass
class World:
    """All that runs, and whose turn it is."""

    fleet: Fleet
    folder: Path
    away_seconds: float
    """For how long what is killed, paused or cut off is away."""
    standing: Behind | None = None
    _turns: Iterator[int] = field(default_factory=itertools.count)

    @property
    def behind(self) -> Behind:
        """The backends; fails where this run has none."""
        assert self.standing
        return self.standing

    def drop(self) -> Drop:
        """The Mayfly to which it happens this time."""
        return self.fleet.drops[next(self._turns) % len(self.fleet.drops)]

    def shard(self) -> Alone:
        """The database without a standby to which it happens this time."""
        return self.behind.alone[next(self._turns) % len(self.behind.alone)]

    def version(self) -> Path:
        """Where the next version of the program goes."""
        return self.folder / f"version {next(self._turns)}"


def killed(world: World, part: Part) -> None:
    """Kill a part with all that it had in memory, and start it anew."""
    part.kill()
    time.sleep(world.away_seconds)
    part.start()


def paused(world: World, part: Part) -> None:
    """Stop a part for a while."""
    part.send(signal.SIGSTOP)
    time.sleep(world.away_seconds)
    part.send(signal.SIGCONT)


def cut_off(world: World, part: Linked) -> None:
    """Cut the link of a part's machine for a while."""
    part.machine.cut()
    time.sleep(world.away_seconds)
    part.machine.mend()


def upgraded(world: World) -> None:
    """Bring every member in turn to a version with one migration more, as operations.md says."""
    after = newer(world.version(), world.fleet.drops[0].program)
    for drop in world.fleet.drops:
        drop.stop()
        drop.program = after
        drop.start()
        world.fleet.wait_until_ready()
        time.sleep(2)


EVENTS: dict[str, Callable[[World], None]] = {
    "node killed": lambda world: killed(world, world.drop()),
    "node paused": lambda world: paused(world, world.drop()),
    "node cut off": lambda world: cut_off(world, world.drop()),
    "Valkey killed": lambda world: killed(world, world.fleet.valkey),
    "Valkey paused": lambda world: paused(world, world.fleet.valkey),
    "Valkey cut off": lambda world: cut_off(world, world.fleet.valkey),
    "pair switched over": lambda world: world.behind.cluster.switch_over(),
    "pair's primary killed": lambda world: world.behind.cluster.primary().send(signal.SIGKILL),
    "other shard killed": lambda world: killed(world, world.shard()),
    "other shard paused": lambda world: paused(world, world.shard()),
    "other shard cut off": lambda world: cut_off(world, world.shard()),
    "SeaweedFS killed": lambda world: killed(world, world.behind.seaweed),
    "SeaweedFS paused": lambda world: paused(world, world.behind.seaweed),
    "SeaweedFS cut off": lambda world: cut_off(world, world.behind.seaweed),
    "all upgraded": upgraded,
}
