"""Waits for units of a budget in a coroutine, without holding a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from services import Allowance, Later, Overloaded


async def held(allowance: Allowance, hold: Callable[[], None]) -> None:
    """Call ``hold``, and if it raises Later, wait until the units are granted; raises Overloaded."""
    try:
        hold()
    except Later as later:
        await wait(later, allowance)


async def wait(later: Later, allowance: Allowance) -> None:
    """Wait for the units that ``later`` names, and add them to the allowance; raises Overloaded after the patience."""
    loop, granted = asyncio.get_running_loop(), asyncio.Event()
    ticket = None
    try:
        ticket = later.budget.join(later.amount, partial(_wake, loop, granted))
        async with asyncio.timeout(later.budget.patience):
            await granted.wait()
        taken = True
    except TimeoutError:
        taken = ticket is not None and ticket.leave()
    except Overloaded:
        taken = False
    except BaseException:
        if ticket is not None and ticket.leave():
            later.budget.give_back(later.amount)
        raise
    if not taken:
        allowance.refuse(later.budget)
        raise later.budget.overloaded()
    allowance.add(later.budget, later.amount)


def _wake(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)
