"""Admission control: budgets of a bounded amount, given out in the order of arrival, without blocking a thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from services.errors import Overloaded

PATIENCE_SECONDS = 10.0


class Later(BaseException):
    """The request needs more of a budget than is free now, so it has to wait and to be run again.

    The code that runs requests waits for ``amount`` units (``Budget.join``), adds them to the request's allowance, and
    runs the request again from its beginning. This is no ``Exception``, so that no error handler catches it.
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
        """Stop waiting; True if the units were granted before, so that the caller has to give them back."""
        return self._budget.forget(self)


class Budget:
    """A semaphore with a queue: at most ``units`` are given out at a time, in the order of arrival.

    At most ``waiting`` requests may be in the queue. No method blocks, so threads and event loops may call them alike.
    """

    def __init__(
        self, units: int, waiting: int, patience: float = PATIENCE_SECONDS, busy: str | None = None
    ) -> None:
        self.units = units
        self.patience = patience
        """How many seconds a request may wait; the code that waits has to stop then."""
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
        """How many requests are in the queue now."""
        return len(self._queue)

    @property
    def lacking(self) -> int:
        """How many more units all requests in the queue need."""
        with self._lock:
            return max(0, sum(ticket.amount for ticket in self._queue) - self._free)

    @property
    def full(self) -> bool:
        """Whether the queue is full."""
        return len(self._queue) >= self._waiting

    def overloaded(self) -> Overloaded:
        """Return the error for a request that may not wait, or has waited too long; its message says what is busy."""
        return Overloaded(self._busy) if self._busy else Overloaded()

    def take(self, amount: int) -> bool:
        """Take units if enough are free and the queue is empty; return whether they were taken."""
        with self._lock:
            if self._queue or self._free < amount:
                return False
            self._free -= amount
            return True

    def join(self, amount: int, granted: Callable[[], None]) -> Ticket:
        """Join the queue; ``granted`` is called once, in any thread, when the caller has got the units.

        Raises Overloaded if the queue is full.
        """
        ticket = Ticket(self, amount, granted)
        with self._lock:
            if self.full:
                raise self.overloaded()
            self._queue.append(ticket)
        self.give_back(0)
        return ticket

    def give_back(self, amount: int) -> None:
        """Give units back, and grant them to requests in the queue."""
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
        """Remove a ticket from the queue; True if it was granted before."""
        with self._lock:
            if ticket not in self._queue:
                return True
            self._queue.remove(ticket)
        self.give_back(0)  # the next in the queue may need less, and that may be free
        return False
