"""All requests that wait for the network: a few times a second they are looked at, and those too slow are ended.

One look at all of them costs less than a timer for each piece of each body and answer.
"""

from __future__ import annotations

import asyncio
import time

from front.transfer import Transfer
from front.unread import Unread
from services import Budget, Memory, Overloaded

LOOK_SECONDS = 0.2
PATIENCE_UNDER_PRESSURE = 0.5
"""Seconds: a request that holds memory for which others wait may be ended when its network is silent for so long."""
MOST_TRANSFERS = 1024
"""How many bodies and long answers may be under way; for one more, the one that was silent for longest is ended."""


class Transfers:
    """All bodies and answers that are under way in this process."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._under_way: set[Transfer] = set()
        self._looking = False
        self.unread = Unread()

    def add(self, transfer: Transfer) -> Transfer:
        """Look at a transfer from now on, until ``leave``; raises Overloaded where there are too many, none silent."""
        if len(self._under_way) >= MOST_TRANSFERS:
            self._make_place()
        self._under_way.add(transfer)
        self.look_on()
        return transfer

    def leave(self, transfer: Transfer) -> None:
        """Look at a transfer no longer."""
        self._under_way.discard(transfer)

    def look_on(self) -> None:
        """Go on looking while there is anything to look at."""
        if not self._looking and (self._under_way or self.unread.transfers):
            self._looking = True
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)

    def _look(self) -> None:
        now = time.monotonic()
        self.unread.look(now)
        for transfer in self._all():
            if transfer.ask is not None and now - transfer.begun >= LOOK_SECONDS:
                transfer.ask()
                transfer.ask = None
            if transfer.too_slow(now):
                self._end(transfer)
        for budget in (*self._memory.budgets, self._memory.unread):
            if budget.queued:
                self._make_room(budget, now)
        self._looking = False
        self.look_on()

    def _all(self) -> tuple[Transfer, ...]:
        return (*self._under_way, *self.unread.transfers)

    def _make_place(self) -> None:
        now = time.monotonic()
        silent = max(self._under_way, key=lambda transfer: transfer.stalled(now))
        if silent.stalled(now) < PATIENCE_UNDER_PRESSURE:
            raise Overloaded
        self._end(silent)

    def _make_room(self, budget: Budget, now: float) -> None:
        """End transfers that stall and hold what others wait for, the longest silent first, until those have enough."""
        lacking = budget.lacking
        for transfer in sorted(self._all(), key=lambda transfer: transfer.stalled(now), reverse=True):
            if lacking <= 0 or transfer.stalled(now) < PATIENCE_UNDER_PRESSURE:
                return
            held = transfer.allowance.held(budget)
            if held and not transfer.ended:
                lacking -= held
                self._end(transfer)

    def _end(self, transfer: Transfer) -> None:
        self._under_way.discard(transfer)
        transfer.end()
