"""Waiting for a budget on the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from services import Budget, Overloaded


class Waits:
    """Who waits for which budget, and since when."""

    def __init__(self, memory: Budget, small: Budget) -> None:
        self.memory = memory
        self.small = small
        self.settle: Callable[[], None] = lambda: None
        """Called before somebody waits: what is over may give back what it held."""
        self._since: dict[asyncio.Future[None], tuple[Budget, float]] = {}

    async def granted(self, budget: Budget, amount: int) -> None:
        """Wait until an amount is the caller's; raises Overloaded where it takes longer than the budget's patience."""
        self.settle()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            loop.call_soon_threadsafe(_tell, future)

        ticket = budget.join(amount, tell)
        self._since[future] = budget, time.monotonic()
        try:
            await asyncio.wait_for(asyncio.shield(future), budget.patience)
        except BaseException as error:
            if ticket.leave():
                if isinstance(error, TimeoutError):
                    return  # granted at the last moment
                budget.give_back(amount)
            if isinstance(error, TimeoutError):
                raise Overloaded from None
            raise
        finally:
            del self._since[future]

    def longest(self, now: float) -> dict[Budget, float]:
        """The budgets that are waited for, and for how many seconds the one has waited who waits longest."""
        waited: dict[Budget, float] = {}
        for budget, since in self._since.values():
            waited[budget] = max(waited.get(budget, 0.0), now - since)
        return waited

    def __bool__(self) -> bool:
        return bool(self._since)


def _tell(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
