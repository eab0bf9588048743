"""All requests that wait for the network: a few times a second they are looked at, and those too slow are ended.

One look at all of them costs less than a timer for each piece of each body and answer.
"""

from __future__ import annotations

import asyncio
import time

from front.flow import Flow
from front.unread import Unread
from services import Budget, Memory, Overloaded

LOOK_SECONDS = 0.2
PATIENCE_UNDER_PRESSURE = 0.5
"""Seconds: a request that holds memory for which others wait may be ended when its network is silent for so long."""
MOST_FLOWS = 1024
"""How many bodies and long answers may be under way; for one more, the one that was silent for longest is ended."""


class Crowd:
    """All bodies and answers that are under way in this process."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._flows: set[Flow] = set()
        self._looking = False
        self.unread = Unread()

    def add(self, flow: Flow) -> Flow:
        """Look at a flow from now on, until ``leave``; raises Overloaded where there are too many, none silent."""
        if len(self._flows) >= MOST_FLOWS:
            self._make_place()
        self._flows.add(flow)
        self.look_on()
        return flow

    def leave(self, flow: Flow) -> None:
        """Look at a flow no longer."""
        self._flows.discard(flow)

    def look_on(self) -> None:
        """Go on looking while there is anything to look at."""
        if not self._looking and (self._flows or self.unread.flows):
            self._looking = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        now = time.monotonic()
        self.unread.look(now)
        for flow in self._all():
            if flow.ask is not None and now - flow.begun >= LOOK_SECONDS:
                flow.ask()
                flow.ask = None
            if flow.too_slow(now):
                self._end(flow)
        for budget in (*self._memory.budgets, self._memory.unread):
            if budget.queued:
                self._make_room(budget, now)
        self._looking = False
        self.look_on()

    def _all(self) -> tuple[Flow, ...]:
        return (*self._flows, *self.unread.flows)

    def _make_place(self) -> None:
        now = time.monotonic()
        silent = max(self._flows, key=lambda flow: flow.stalled(now))
        if silent.stalled(now) < PATIENCE_UNDER_PRESSURE:
            raise Overloaded
        self._end(silent)

    def _make_room(self, budget: Budget, now: float) -> None:
        """End flows that stall and hold what others wait for, the longest silent first, until those have enough."""
        lacking = budget.lacking
        for flow in sorted(self._all(), key=lambda flow: flow.stalled(now), reverse=True):
            if lacking <= 0 or flow.stalled(now) < PATIENCE_UNDER_PRESSURE:
                return
            held = flow.allowance.held(budget)
            if held and not flow.ended:
                lacking -= held
                self._end(flow)

    def _end(self, flow: Flow) -> None:
        self._flows.discard(flow)
        flow.end()
