"""Looks after bodies and answers under way: which are too slow, which are over, and which make room for others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from front.answers import Answer
from front.bodies import Body
from front.rates import STALL_SECONDS
from front.sockets import Sockets, set_user_timeout
from front.waits import Waits
from services import Budget

CHECK_SECONDS = 0.25
PRESSED_SECONDS = 0.1
USUAL_SECONDS = 0.02
"""How long an answer takes to an ordinary reader; asking sooner whether it is out is seldom of use."""


class Watch:
    """One timer for everything; every method runs on the event loop and returns at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, waits: Waits, note: Callable[[], None]) -> None:
        self.bodies: set[Body] = set()
        self._answers: dict[Answer, None] = {}
        self._out: set[Answer] = set()
        self._note = note
        self._loop = loop
        self._waits = waits
        self._sockets = Sockets()
        waits.settle = self.settle
        loop.call_soon(set_user_timeout)
        loop.call_soon(self._tick)

    def add(self, answer: Answer) -> None:
        """Watch an answer until it is out, and one of an image until it is read or its time is over."""
        self._answers[answer] = None
        oldest = next(iter(self._answers))
        if oldest.pace.began < answer.pace.began - USUAL_SECONDS:
            self._settle(oldest)

    def settle(self) -> None:
        """Let go of the answers that are out."""
        for answer in tuple(self._answers):
            self._settle(answer)

    def _settle(self, answer: Answer) -> None:
        if answer.is_out():
            del self._answers[answer]
            if answer.ends_at is not None:
                self._out.add(answer)

    def make_room(self) -> bool:
        """End the body that has stalled longest, if one has; tell whether."""
        now = self._loop.time()
        stalled = [one for one in self.bodies if one.pace.stalled(now) >= STALL_SECONDS and not one.waiting]
        if stalled:
            max(stalled, key=lambda one: one.pace.stalled(now)).end()
        return bool(stalled)

    def _tick(self) -> None:
        now = self._loop.time()
        self._note()
        self.settle()
        self._check(now)
        for budget, seconds in self._waits.longest(now).items():
            self._press(budget, seconds, now)
        self._loop.call_later(PRESSED_SECONDS if self._waits else CHECK_SECONDS, self._tick)

    def _check(self, now: float) -> None:
        self._sockets.look_again()
        for body in tuple(self.bodies):
            body.check(now, self._sockets)
        for answer in tuple(self._answers):
            answer.check(now, self._sockets)
        self._out = {answer for answer in self._out if not answer.is_read(self._sockets)}
        for answer in (*self._answers, *self._out):
            if answer.ends_at is not None and answer.ends_at - now < 2 * CHECK_SECONDS:
                self._loop.call_at(answer.ends_at, self._cut, answer)

    def _cut(self, answer: Answer) -> None:
        """End an answer whose image's time is over."""
        self._sockets.look_again()
        if not answer.is_out() or not answer.is_read(self._sockets):
            answer.end(self._sockets)
        self._answers.pop(answer, None)
        self._out.discard(answer)

    def _press(self, budget: Budget, waited: float, now: float) -> None:
        """Make room for those who wait for a budget: one for each makes it, whoever has stalled longest first.

        Where nobody has, and all of it is held by bodies that wait for more of it themselves, the youngest is ended.
        """
        everyone: list[Body | Answer] = [*self.bodies, *self._answers]
        holders = [one for one in everyone if one.holds(budget)]
        stalled = [one for one in holders if not one.waiting and one.pace.stalled(now) >= STALL_SECONDS]
        if stalled:
            stalled.sort(key=lambda one: one.pace.moved_at)
            for one in stalled[: budget.queued]:
                self._end(one)
            return
        waiting = [one for one in holders if one.waiting]
        if waited >= STALL_SECONDS and waiting and sum(one.holds(budget) for one in waiting) == budget.taken:
            self._end(max(waiting, key=lambda one: one.pace.began))

    def _end(self, one: Body | Answer) -> None:
        if isinstance(one, Body):
            one.end()
        else:
            one.end(self._sockets)
