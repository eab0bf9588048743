"""Allowances: what one request holds of the budgets for memory and for expensive work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from services.admission import PATIENCE_SECONDS, Budget, Later

SMALL_BYTES = 256 * 1024
"""A request may hold so many bytes without asking, so that small images never wait for memory."""
UNCOUNTED_BYTES = 16 * 1024
"""An answer of at most so many bytes fits into the kernel's send buffer, even if the client doesn't read it."""
MEDIUM_BYTES = 2 * 1024 * 1024
UNREAD_BYTES = 64 * 1024 * 1024
"""How many bytes all answers of up to SMALL_BYTES may hold together until their clients have read them."""
T = TypeVar("T")


class Memory:
    """The memory of a process for images: ``units`` bytes for large ones, and a quarter of that for those up to 2 MiB.

    They have budgets of their own, so that medium images don't wait for large ones.
    """

    def __init__(self, units: int, patience: float = PATIENCE_SECONDS) -> None:
        self.large = Budget(units, waiting=64, patience=patience)
        self.medium = Budget(units // 4, waiting=256, patience=patience)
        self.unread = Budget(UNREAD_BYTES, waiting=1024, patience=patience)
        """The budget of answers of up to SMALL_BYTES, until clients have read them."""

    @property
    def budgets(self) -> tuple[Budget, Budget]:
        """The two budgets for images."""
        return self.medium, self.large

    @property
    def taken(self) -> int:
        """How many bytes of both are given out now."""
        return self.medium.taken + self.large.taken


def ceiling(size: int) -> int:
    """Return the most bytes that a request can hold of the budget from which ``size`` bytes are taken.

    A request without a Content-Length takes that much at once. If two such requests took more and more step by step,
    they could deadlock.
    """
    return next((most for most in (SMALL_BYTES, MEDIUM_BYTES) if size <= most), sys.maxsize)


class Allowance:
    """How many units of each budget one request holds, until the allowance is closed or garbage-collected."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory
        self._held: dict[Budget, int] = {}
        self._refused: set[Budget] = set()
        self.made: dict[Hashable, Any] = {}
        """Results that ``once`` has kept from earlier runs of the request."""

    def held(self, budget: Budget) -> int:
        """Return how many units of a budget this request holds."""
        return self._held.get(budget, 0)

    def hold(self, budget: Budget, amount: int) -> None:
        """Hold ``amount`` units of a budget in all, or the whole budget if that is less.

        Raises Later if the request has to wait; Overloaded if the queue is full, or if the request has waited too long.
        """
        more = min(amount, budget.units) - self.held(budget)
        if more > 0:
            if not budget.take(more):
                if budget.full or budget in self._refused:
                    raise budget.overloaded()
                raise Later(budget, more)
            self.add(budget, more)

    @property
    def held_memory(self) -> int:
        """How many bytes of memory this request holds."""
        return 0 if self._memory is None else sum(map(self.held, self._memory.budgets))

    def hold_memory(self, size: int) -> None:
        """Hold memory for ``size`` bytes in all; raises Later and Overloaded."""
        if self._memory is None or size <= SMALL_BYTES:
            return
        if size <= MEDIUM_BYTES and not self.held(self._memory.large):
            self.hold(self._memory.medium, size)
        else:
            self.hold(self._memory.large, size)
            self.give_back(self._memory.medium)

    def hold_answer(self, size: int) -> None:
        """Hold memory for an answer of ``size`` bytes until the client has read it; raises Later and Overloaded."""
        if self._memory is None or size <= UNCOUNTED_BYTES:
            return
        if size <= SMALL_BYTES:
            self.hold(self._memory.unread, size)
        else:
            self.hold_memory(size)
            self.give_back(self._memory.unread)

    def hand_over(self, budget: Budget) -> Allowance:
        """Move what this allowance holds of a budget to a new allowance, and return that one."""
        other = Allowance(self._memory)
        amount = self._held.pop(budget, 0)
        if amount:
            other.add(budget, amount)
        return other

    def shrink_memory(self, size: int) -> None:
        """Give back all memory beyond ``size`` bytes."""
        for budget in self._memory.budgets if self._memory else ():
            surplus = self.held(budget) - size
            if surplus > 0:
                self._held[budget] -= surplus
                budget.give_back(surplus)

    def refuse(self, budget: Budget) -> None:
        """Note that the request has waited too long for a budget: ``hold`` then raises Overloaded in the next run."""
        self._refused.add(budget)

    def add(self, budget: Budget, amount: int) -> None:
        """Add units that were taken from a budget for this request."""
        self._held[budget] = self._held.get(budget, 0) + amount

    def give_back(self, budget: Budget) -> None:
        """Give back all units of one budget."""
        amount = self._held.pop(budget, 0)
        if amount:
            budget.give_back(amount)

    def close(self) -> None:
        """Give everything back; idempotent."""
        for budget in tuple(self._held):
            self.give_back(budget)

    __del__ = close

    def current(self) -> AbstractContextManager[None]:
        """Let ``hold_memory``, ``hold_answer``, ``turn`` and ``once`` use this allowance within the block."""
        return _Use(self)


class _Use(AbstractContextManager[None]):
    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance

    def __enter__(self) -> None:
        self._before = _current.set(self._allowance)

    def __exit__(self, *_: object) -> None:
        _current.reset(self._before)


_current: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


def hold_memory(size: int) -> None:
    """Hold memory for ``size`` bytes in all for the current request; call it before the bytes are allocated.

    Raises Later and Overloaded. Outside of a request it does nothing.
    """
    allowance = _current.get()
    if allowance is not None:
        allowance.hold_memory(size)


def hold_answer(size: int) -> None:
    """Hold memory for an answer of ``size`` bytes until the client has read it; otherwise as ``hold_memory``."""
    allowance = _current.get()
    if allowance is not None:
        allowance.hold_answer(size)


@contextmanager
def turn(budget: Budget) -> Iterator[None]:
    """Hold one unit of a budget while the block runs; raises Later and Overloaded.

    A request that is run again after it has waited holds its unit already. If the block raises Later for another
    budget, the unit is given back, so that other requests can use it meanwhile. Outside of a request it does nothing.
    """
    allowance = _current.get()
    if allowance is None:
        yield
        return
    allowance.hold(budget, 1)
    try:
        yield
    finally:
        allowance.give_back(budget)


def once(name: Hashable, make: Callable[[], T]) -> T:
    """Return the result of ``make`` from an earlier run of the current request; call ``make`` if there is none.

    It is meant for work that is expensive or must not be repeated, and after which the request may still raise Later.
    """
    allowance = _current.get()
    if allowance is None:
        return make()
    if name not in allowance.made:
        allowance.made[name] = make()
    made: T = allowance.made[name]
    return made
