"""Admission: a bounded amount of something, given out in the order of arrival; no thread waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from services.errors import Overloaded

PATIENCE_SECONDS = 10.0
FREE_BYTES = 256 * 1024
"""What an image may hold without asking: small images never queue behind large ones."""


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

    def __init__(self, units: int, waiting: int, patience: float = PATIENCE_SECONDS) -> None:
        self.units = units
        self.patience = patience
        """Seconds that a request waits at most; whoever waits keeps to it."""
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
            if len(self._queue) >= self._waiting:
                raise Overloaded
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


class Allowance:
    """What one request holds of which budgets, until it is closed or nobody knows it any more."""

    def __init__(self) -> None:
        self._held: dict[Budget, int] = {}

    def held(self, budget: Budget) -> int:
        """How many units of a budget this request holds."""
        return self._held.get(budget, 0)

    @property
    def holds_anything(self) -> bool:
        """Whether this request holds something of any budget."""
        return bool(self._held)

    def hold(self, budget: Budget, amount: int) -> None:
        """Hold ``amount`` units in all, more than there are counting as all; raises Later."""
        more = min(amount, budget.units) - self.held(budget)
        if more > 0:
            if not budget.take(more):
                raise Later(budget, more)
            self.add(budget, more)

    def add(self, budget: Budget, amount: int) -> None:
        """Note units that were taken from a budget for this request."""
        self._held[budget] = self.held(budget) + amount

    def give_back(self, budget: Budget) -> None:
        """Give back everything of one budget."""
        amount = self._held.pop(budget, 0)
        if amount:
            budget.give_back(amount)

    def keep(self, budget: Budget, amount: int) -> None:
        """Give back what is held of a budget beyond ``amount``."""
        more = self.held(budget) - amount
        if more > 0:
            self._held[budget] = amount
            budget.give_back(more)

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
    """Hold ``amount`` units of a budget in all until the request under way is over, if there is one; raises Later."""
    allowance = _current.get()
    if allowance is not None:
        allowance.hold(budget, amount)


@contextmanager
def turn(budget: Budget) -> Iterator[None]:
    """Hold one unit of a budget for the length of the block; raises Later.

    A request that waited for its turn comes with it. Outside of a request nothing is counted.
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
