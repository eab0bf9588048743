"""Watches all transfers of this process a few times a second, and ends those that are too slow.

This costs less than a timer for each piece of each body and answer.
"""

from __future__ import annotations

import asyncio
import time

from front.transfer import Transfer
from front.unread import Unread
from services import Budget, Memory, Overloaded

LOOK_SECONDS = 0.2
PATIENCE_UNDER_PRESSURE = 0.5
"""A transfer that holds memory for which other requests wait is ended if its network is silent for so many seconds."""
MOST_TRANSFERS = 1024
"""How many bodies and long answers may be under way; for a further one, the one with the longest silence is ended."""


class Transfers:
    """The bodies and answers that are under way in this process."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._under_way: set[Transfer] = set()
        self._looking = False
        self.unread = Unread()

    def add(self, transfer: Transfer) -> Transfer:
        """Watch a transfer until ``leave``; raises Overloaded if there are too many and none of them is silent."""
        if len(self._under_way) >= MOST_TRANSFERS:
            self._make_place()
        self._under_way.add(transfer)
        self.look_on()
        return transfer

    def leave(self, transfer: Transfer) -> None:
        """Stop watching a transfer."""
        self._under_way.discard(transfer)

    def look_on(self) -> None:
        """Schedule the next look if there is any transfer to watch."""
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
        """End stalled transfers that hold units of a budget, longest silence first, until its queue can be served."""
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
