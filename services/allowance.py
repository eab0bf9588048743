"""What one request holds: memory for images, and turns at what costs much processor time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from services.admission import PATIENCE_SECONDS, Budget, Later

SMALL_BYTES = 256 * 1024
"""What a request may hold without asking: small images never wait for memory."""
UNCOUNTED_BYTES = 16 * 1024
"""An answer of so many bytes fits into the kernel's buffer, even if its client doesn't read it."""
MEDIUM_BYTES = 2 * 1024 * 1024
UNREAD_BYTES = 64 * 1024 * 1024
"""What answers of up to SMALL_BYTES may hold together until their clients have read them."""
T = TypeVar("T")


class Memory:
    """The memory that a process has for images: ``units`` bytes, and a quarter of that more for images up to 2 MiB.

    The quarter is theirs alone, so that they don't wait for large images.
    """

    def __init__(self, units: int, patience: float = PATIENCE_SECONDS) -> None:
        self.large = Budget(units, waiting=64, patience=patience)
        self.medium = Budget(units // 4, waiting=256, patience=patience)
        self.unread = Budget(UNREAD_BYTES, waiting=1024, patience=patience)
        """For answers of up to 256 KiB, until they are read."""

    @property
    def budgets(self) -> tuple[Budget, Budget]:
        """Both parts for images."""
        return self.medium, self.large

    @property
    def taken(self) -> int:
        """How many bytes are given out now."""
        return self.medium.taken + self.large.taken


def ceiling(size: int) -> int:
    """Return the most bytes that may be held of the budget from which ``size`` bytes are taken.

    A request whose body has no announced length holds all of that at once. If two such requests took more bit by bit,
    each could wait for the other (deadlock).
    """
    return next((most for most in (SMALL_BYTES, MEDIUM_BYTES) if size <= most), sys.maxsize)


class Allowance:
    """What one request holds of which budgets, until it is closed or garbage-collected."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory
        self._held: dict[Budget, int] = {}
        self._refused: set[Budget] = set()
        self.made: dict[Hashable, Any] = {}
        """The results of ``once`` in earlier runs of the request."""

    def held(self, budget: Budget) -> int:
        """How many units of a budget this request holds."""
        return self._held.get(budget, 0)

    def hold(self, budget: Budget, amount: int) -> None:
        """Hold ``amount`` units in all, or all there are if that is less; raises Later where the request has to wait.

        Raises Overloaded where as many requests wait as may, or this one has waited too long.
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
        """Hold ``size`` bytes of memory in all; raises Later and Overloaded."""
        if self._memory is None or size <= SMALL_BYTES:
            return
        if size <= MEDIUM_BYTES and not self.held(self._memory.large):
            self.hold(self._memory.medium, size)
        else:
            self.hold(self._memory.large, size)
            self.give_back(self._memory.medium)

    def hold_answer(self, size: int) -> None:
        """Hold what an answer of ``size`` bytes takes until it is read; raises Later and Overloaded."""
        if self._memory is None or size <= UNCOUNTED_BYTES:
            return
        if size <= SMALL_BYTES:
            self.hold(self._memory.unread, size)
        else:
            self.hold_memory(size)
            self.give_back(self._memory.unread)

    def hand_over(self, budget: Budget) -> Allowance:
        """Let a new allowance hold what this one holds of a budget."""
        other = Allowance(self._memory)
        amount = self._held.pop(budget, 0)
        if amount:
            other.add(budget, amount)
        return other

    def shrink_memory(self, size: int) -> None:
        """Give memory back beyond ``size`` bytes."""
        for budget in self._memory.budgets if self._memory else ():
            surplus = self.held(budget) - size
            if surplus > 0:
                self._held[budget] -= surplus
                budget.give_back(surplus)

    def refuse(self, budget: Budget) -> None:
        """Note that the request has waited too long for a budget: in its next run ``hold`` raises Overloaded."""
        self._refused.add(budget)

    def add(self, budget: Budget, amount: int) -> None:
        """Note units that were taken from a budget for this request."""
        self._held[budget] = self._held.get(budget, 0) + amount

    def give_back(self, budget: Budget) -> None:
        """Give back everything of one budget."""
        amount = self._held.pop(budget, 0)
        if amount:
            budget.give_back(amount)

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
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
    """Ask for memory before it is taken: ``size`` bytes in all for the request under way, if there is one.

    Raises Later and Overloaded.
    """
    allowance = _current.get()
    if allowance is not None:
        allowance.hold_memory(size)


def hold_answer(size: int) -> None:
    """Ask for the memory of an answer of ``size`` bytes, as ``hold_memory``; it is held until the answer is read."""
    allowance = _current.get()
    if allowance is not None:
        allowance.hold_answer(size)


@contextmanager
def turn(budget: Budget) -> Iterator[None]:
    """Hold one unit of a budget for the length of the block; raises Later and Overloaded.

    A request that has waited for its turn has it already. One that has to wait for anything else within the block gives
    its turn back meanwhile, so that it keeps no other request waiting. Outside of a request nothing is counted.
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
    """Return what ``make`` returned in an earlier run of the request under way, else call it and keep that.

    It is for what costs much, or must not be done twice, and comes before something that may raise Later.
    """
    allowance = _current.get()
    if allowance is None:
        return make()
    if name not in allowance.made:
        allowance.made[name] = make()
    made: T = allowance.made[name]
    return made
