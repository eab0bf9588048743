"""Admission: a bounded amount of something, given out in the order of arrival; no thread waits for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from services.errors import Overloaded

PATIENCE_SECONDS = 10.0


class Later(BaseException):
    """A request needs more of a budget than is free now.

    The caller that runs the request waits (``Budget.join``), adds the amount to the request's allowance, and runs the
    request again from its beginning. This is no ``Exception``, so that no handler of errors catches it on the way.
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
    """At most ``units`` are given out at a time, in the order of arrival; at most ``waiting`` requests queue for them.

    Every method returns at once, so that threads and event loops may use it alike.
    """

    def __init__(
        self, units: int, waiting: int, patience: float = PATIENCE_SECONDS, busy: str | None = None
    ) -> None:
        self.units = units
        self.patience = patience
        """How many seconds a request waits at most; the budget leaves it to the waiting caller to keep to that."""
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
        """How many units more would be enough for all requests that wait now."""
        with self._lock:
            return max(0, sum(ticket.amount for ticket in self._queue) - self._free)

    @property
    def full(self) -> bool:
        """Whether as many requests wait now as may."""
        return len(self._queue) >= self._waiting

    def overloaded(self) -> Overloaded:
        """Return what to raise for a request that may not wait, or has waited too long; it says what is busy."""
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
        """Give units back; requests that wait get them."""
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
        self.give_back(0)  # what the next one asks for may be free
        return False
