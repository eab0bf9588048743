"""Who is slow: requests that wait for the network are looked at a few times a second, and the slowest are ended.

One look at all of them costs less than a timer for each piece of each body and answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services import Allowance, Memory, Overloaded

LOOK_SECONDS = 0.2
GRACE_SECONDS = 10.0
"""How long nobody is asked for a rate."""
LEAST_RATE = 2048
"""Bytes a second, since its beginning, that a body or an answer has to move at least, once it is older than that."""
LONGEST_STALL_SECONDS = 30.0
PATIENCE_UNDER_PRESSURE = 0.5
"""A request that holds what others wait for, and whose network is silent for so long, is ended."""
MOST_FLOWS = 1024
"""Bodies and long answers under way at once; where there are so many, the most silent one makes place for the next."""


@dataclass(eq=False)
class Flow:
    """A body on its way in, or an answer on its way out."""

    task: asyncio.Task[object]
    allowance: Allowance
    ends_at: float | None = None
    """When it is cut off in any case, by this process's monotonic clock."""
    ask: Callable[[], None] | None = None
    """Called once when it has taken a while, to find out when it ends."""
    moved: int = 0
    begun: float = field(default_factory=time.monotonic)
    waits_since: float | None = None
    """Since when it waits for the network; None while it doesn't."""
    ended: bool = False
    """Whether it was ended for being slow, and not by its client."""

    def wait(self) -> None:
        """Note that it waits for the network from now on."""
        self.waits_since = time.monotonic()

    def move(self, size: int) -> None:
        """Note that the network took or gave so many bytes."""
        self.moved += size
        self.waits_since = None

    def stalled(self, now: float) -> float:
        """Return for how many seconds it has waited for the network."""
        return 0.0 if self.waits_since is None else now - self.waits_since

    def too_slow(self, now: float) -> bool:
        """Tell whether it is slower than anybody may be, or over."""
        if self.ends_at is not None and now >= self.ends_at:
            return True
        age = now - self.begun
        if self.waits_since is None or age < GRACE_SECONDS:
            return False
        return self.moved < LEAST_RATE * age or self.stalled(now) > LONGEST_STALL_SECONDS


class Crowd:
    """All bodies and answers that are under way in this process."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._flows: set[Flow] = set()
        self._looking = False

    def add(self, flow: Flow) -> Flow:
        """Look at a flow from now on, until it is left; raises Overloaded where too many move."""
        if len(self._flows) >= MOST_FLOWS:
            self._make_place()
        self._flows.add(flow)
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        return flow

    def leave(self, flow: Flow) -> None:
        """Look at a flow no longer."""
        self._flows.discard(flow)

    def _look(self) -> None:
        now = time.monotonic()
        for flow in tuple(self._flows):
            if flow.ask is not None and now - flow.begun >= LOOK_SECONDS:
                flow.ask()
                flow.ask = None
            if flow.too_slow(now):
                self._end(flow)
        for budget in self._memory.budgets:
            if budget.queued:
                self._make_room(budget, now)
        self._looking = bool(self._flows)
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _make_place(self) -> None:
        now = time.monotonic()
        silent = max(self._flows, key=lambda flow: flow.stalled(now))
        if silent.stalled(now) < PATIENCE_UNDER_PRESSURE:
            raise Overloaded
        self._end(silent)

    def _make_room(self, budget: object, now: float) -> None:
        """End whoever stalls and holds what others wait for."""
        for flow in tuple(self._flows):
            if flow.allowance.held(budget) and flow.stalled(now) >= PATIENCE_UNDER_PRESSURE:  # type: ignore[arg-type]
                self._end(flow)

    def _end(self, flow: Flow) -> None:
        self._flows.discard(flow)
        flow.ended = True
        flow.task.cancel()
