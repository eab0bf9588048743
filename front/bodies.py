"""Bodies on their way in, without a thread, and the memory that they hold meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from front.rates import STALL_SECONDS, Pace
from front.sockets import Sockets
from front.waits import Waits
from services import FREE_BYTES, Allowance, Budget, Overloaded, TooSlow

WHOLE_BYTES = 1024 * 1024
FIRST_BYTES = 64 * 1024
"""What may come of a large body before memory for all of it is asked for."""
STEP_BYTES = 1024 * 1024
"""By how much the memory of a body grows that announces no length, or that has been slow."""


class Body:
    """The body of one request.

    One that announces up to ``WHOLE_BYTES`` is taken in as a whole, which costs least, and holds all of that from the
    beginning. A larger one comes piece by piece: once more than ``FIRST_BYTES`` have come it holds all it announces,
    but for as long as it moves; one that stalls keeps what has come, and then grows by steps.
    """

    def __init__(
        self, proto: Any, peer: str, announced: int | None, allowance: Allowance, waits: Waits
    ) -> None:
        self.pace = Pace(time.monotonic())
        self.came = 0
        self.waiting = False
        self._proto = proto
        self._announced = announced
        self._allowance = allowance
        self._waits = waits
        self._held = 0
        self._peer = peer
        self._first: int | None = None
        self._end: Exception | None = None
        self._task = asyncio.current_task()

    async def take_in(self, most: int) -> list[bytes]:
        """Take the body in, up to the piece that makes it longer than ``most``; raises TooSlow, Overloaded."""
        try:
            if self._announced is not None and self._announced <= WHOLE_BYTES:
                return await self._whole(self._announced)
            return await self._pieces(most)
        except asyncio.CancelledError:
            if self._end is None or self._task is None:
                raise
            self._task.uncancel()
            raise self._end from None

    async def _whole(self, announced: int) -> list[bytes]:
        waits = self._waits
        await self._hold(waits.small if announced <= FREE_BYTES else waits.memory, announced)
        try:
            return [await self._proto()]
        except ProtocolClosed:  # it ended before its length; the application says so
            return []

    async def _pieces(self, most: int) -> list[bytes]:
        await self._hold(self._waits.small, FIRST_BYTES)
        self._held = FIRST_BYTES
        pieces = []
        async for piece in self._proto:
            pieces.append(piece)
            self.came += len(piece)
            if self.came > self._held:
                await self._grow(most)
            if self.came > most:
                break
        return pieces

    async def _grow(self, most: int) -> None:
        steady = self._announced if self._held == FIRST_BYTES else None
        wanted = min(self.came + STEP_BYTES, self._announced or most) if steady is None else steady
        memory = self._waits.memory
        await self._hold(memory, min(wanted, memory.units) - self._allowance.held(memory))
        self._held = wanted
        self._allowance.give_back(self._waits.small)

    async def _hold(self, budget: Budget, amount: int) -> None:
        if amount <= 0:
            return
        if not budget.take(amount):
            began, self.waiting = time.monotonic(), True
            try:
                await self._waits.granted(budget, amount)
            finally:
                now, self.waiting = time.monotonic(), False
                self.pace.pause(now - began, now)
        self._allowance.add(budget, amount)

    def check(self, now: float, sockets: Sockets) -> None:
        """End a body that is too slow; let one that stalls keep only what has come."""
        if self.waiting:
            return
        whole = self._announced is not None and self._announced <= WHOLE_BYTES
        came = self._seen(self._announced or 0, sockets) if whole else self.came
        self.pace.note(now, came)
        if self.pace.too_slow(now, came):
            self.end(TooSlow())
        elif not whole and came > FIRST_BYTES and self.pace.stalled(now) >= STALL_SECONDS:
            self._held = came
            self._allowance.keep(self._waits.memory, min(came, self._waits.memory.units))

    def _seen(self, announced: int, sockets: Sockets) -> int:
        """How much of a body that is taken in as a whole has come since it was looked at first, as the kernel tells."""
        state = sockets.state(self._peer)
        if state is None:  # nobody can tell, so there is the time for all of it
            return announced
        self._first = state.received if self._first is None else self._first
        return state.received - self._first

    def holds(self, budget: Budget) -> int:
        """How much of a budget it holds."""
        return self._allowance.held(budget)

    def end(self, why: Exception | None = None) -> None:
        """Stop taking it in; ``take_in`` raises why, Overloaded if nothing else is said."""
        if self._end is None and self._task is not None:
            self._end = why or Overloaded()
            self._task.cancel()
