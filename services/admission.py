"""Admission: a bounded amount of something, given out in the order of arrival; no thread waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from services.errors import Overloaded

PATIENCE_SECONDS = 10.0


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
    def lacking(self) -> int:
        """How many units more would serve everybody who waits now."""
        with self._lock:
            return max(0, sum(ticket.amount for ticket in self._queue) - self._free)

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
