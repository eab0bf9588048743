"""Admission: a bounded amount of something, given out in the order of arrival; no thread waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from services.errors import Overloaded

PATIENCE_SECONDS = 10.0
FREE_BYTES = 256 * 1024
"""What a request may hold without asking: small images never wait for memory."""
MEDIUM_BYTES = 2 * 1024 * 1024
T = TypeVar("T")


class Later(BaseException):
    """A request needs more of a budget than is free now.

    Whoever runs the request waits for it (``Budget.join``), adds it to the request's allowance, and runs the request
    again from its beginning. It is no ``Exception``, so that no handler of errors on the way takes it for one.
    """

    def __init__(self, budget: Budget, amount: int) -> None:
        super().__init__()
        self.budget = budget
        self.amount = amount


class Ticket:
    """A place in the queue of a budget."""

    def __init__(self, budget: Budget, amount: int, granted: Callable[[], None]) -> None:
        self.amount = amount
        self.granted = granted
        self._budget = budget

    def leave(self) -> bool:
        """Stop waiting; return True where the amount was granted meanwhile, and so is the caller's to give back."""
        return self._budget.forget(self)


class Budget:
    """So many units at once, given out in the order of arrival; at most ``waiting`` requests queue for them.

    It knows threads and event loops equally: every method returns at once.
    """

    def __init__(
        self, units: int, waiting: int, patience: float = PATIENCE_SECONDS, busy: str | None = None
    ) -> None:
        self.units = units
        self.patience = patience
        """Seconds that a request waits at most; whoever waits keeps to it."""
        self._busy = busy
        self._free = units
        self._waiting = waiting
        self._queue: deque[Ticket] = deque()
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many units are given out now."""
        return self.units - self._free

    @property
    def queued(self) -> int:
        """How many requests wait now."""
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether as many requests wait now as may."""
        return len(self._queue) >= self._waiting

    def overloaded(self) -> Overloaded:
        """Return what to raise for a request that may not wait, or has waited in vain; it says what is busy."""
        return Overloaded(self._busy) if self._busy else Overloaded()

    def take(self, amount: int) -> bool:
        """Take units if nobody waits and there are enough; say whether."""
        with self._lock:
            if self._queue or self._free < amount:
                return False
            self._free -= amount
            return True

    def join(self, amount: int, granted: Callable[[], None]) -> Ticket:
        """Queue for units; ``granted`` is called once, from any thread, when they are the caller's.

        Raises Overloaded where as many wait as may.
        """
        ticket = Ticket(self, amount, granted)
        with self._lock:
            if self.full:
                raise self.overloaded()
            self._queue.append(ticket)
        self.give_back(0)
        return ticket

    def give_back(self, amount: int) -> None:
        """Give units back, and hand them on to those who wait."""
        with self._lock:
            self._free += amount
            due = []
            while self._queue and self._queue[0].amount <= self._free:
                ticket = self._queue.popleft()
                self._free -= ticket.amount
                due.append(ticket)
        for ticket in due:
            ticket.granted()

    def forget(self, ticket: Ticket) -> bool:
        """Take a ticket out of the queue; return True where it was granted before."""
        with self._lock:
            if ticket not in self._queue:
                return True
            self._queue.remove(ticket)
        self.give_back(0)  # who stood behind it may fit now
        return False


class Memory:
    """The memory that a process has for images: ``units`` bytes, and a quarter of that for those up to 2 MiB alone.

    So many large ones, or slow ones, never keep the others waiting.
    """

    def __init__(self, units: int, patience: float = PATIENCE_SECONDS) -> None:
        self.large = Budget(units, waiting=64, patience=patience)
        self.medium = Budget(units // 4, waiting=256, patience=patience)

    @property
    def budgets(self) -> tuple[Budget, Budget]:
        """Both parts."""
        return self.medium, self.large

    @property
    def taken(self) -> int:
        """How many bytes are given out now."""
        return self.medium.taken + self.large.taken


class Allowance:
    """What one request holds of which budgets, until it is closed or nobody knows it any more."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory
        self._held: dict[Budget, int] = {}
        self._refused: set[Budget] = set()
        self.made: dict[Hashable, Any] = {}
        """What earlier runs of the request have made, which ``once`` knows."""

    def held(self, budget: Budget) -> int:
        """How many units of a budget this request holds."""
        return self._held.get(budget, 0)

    def hold(self, budget: Budget, amount: int) -> None:
        """Hold ``amount`` units in all, more than there are counting as all; raises Later.

        Raises Overloaded where as many wait already as may, or this request has waited in vain.
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
        if self._memory is None or size <= FREE_BYTES:
            return
        if size <= MEDIUM_BYTES and not self.held(self._memory.large):
            self.hold(self._memory.medium, size)
        else:
            self.hold(self._memory.large, size)
            self.give_back(self._memory.medium)

    def refuse(self, budget: Budget) -> None:
        """Note that the request has waited for a budget in vain: in its next run ``hold`` raises Overloaded."""
        self._refused.add(budget)

    def add(self, budget: Budget, amount: int) -> None:
        """Note units that were taken from a budget for this request."""
        self._held[budget] = self.held(budget) + amount

    def give_back(self, budget: Budget) -> None:
        """Give back everything of one budget."""
        amount = self._held.pop(budget, 0)
        if amount:
            budget.give_back(amount)

    def close(self) -> None:
        """Give everything back; more than once is no more than once."""
        for budget in tuple(self._held):
            self.give_back(budget)

    __del__ = close

    @contextmanager
    def current(self) -> Iterator[None]:
        """Let ``hold`` and ``turn`` count to this allowance within the block."""
        before = _current.set(self)
        try:
            yield
        finally:
            _current.reset(before)


_current: ContextVar[Allowance | None] = ContextVar("allowance", default=None)


def hold(budget: Budget, amount: int) -> None:
    """Hold ``amount`` units of a budget in all until the request under way is over, if there is one.

    Raises Later and Overloaded.
    """
    allowance = _current.get()
    if allowance is not None:
        allowance.hold(budget, amount)


def hold_memory(size: int) -> None:
    """Ask for memory before it is taken: ``size`` bytes in all for the request under way, if there is one.

    Raises Later and Overloaded.
    """
    allowance = _current.get()
    if allowance is not None:
        allowance.hold_memory(size)


@contextmanager
def turn(budget: Budget) -> Iterator[None]:
    """Hold one unit of a budget for the length of the block; raises Later and Overloaded.

    A request that waited for its turn comes with it. One that has to wait for anything else within the block gives its
    turn back meanwhile, so that nobody who waits keeps others waiting. Outside of a request nothing is counted.
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

    It is for what is dear, or what must not be done twice, before a point that may raise Later.
    """
    allowance = _current.get()
    if allowance is None:
        return make()
    if name not in allowance.made:
        allowance.made[name] = make()
    made: T = allowance.made[name]
    return made
