"""Holds the memory that a request reserved until its answer is sent or its client is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from services import Allowance, Later, Memory, Overloaded

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def admitted(app: WSGIApplication, memory: Memory) -> WSGIApplication:
    """Let each request hold what it needs of ``memory`` until its answer is out, in the thread that runs it.

    This is for a plain WSGI server, and for Flask's test client; ``front`` does the same without a thread.
    """

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        allowance = Allowance(memory)
        with allowance.current():
            try:
                answer = _run(app, environ, start_response, allowance)
                first = list(islice(answer, 2))
            except BaseException:
                allowance.close()
                raise
        rest = _Rest(first, answer, allowance)
        if len(first) > 1:
            return rest
        rest.close()
        return first

    return call


def _run(
    app: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse, allowance: Allowance
) -> Iterable[bytes]:
    """Run a request, and again from its beginning whenever it had to wait for its turn."""
    while True:
        try:
            return app(environ, start_response)
        except Later as later:
            _wait(later, allowance)
            environ["wsgi.input"].seek(0)


def _wait(later: Later, allowance: Allowance) -> None:
    budget, granted = later.budget, threading.Event()
    try:
        ticket = budget.join(later.amount, granted.set)
    except Overloaded:
        allowance.refuse(budget)
        return
    if granted.wait(budget.patience) or ticket.leave():
        allowance.add(budget, later.amount)
    else:
        allowance.refuse(budget)


class _Rest:
    """What is still to be sent, and the allowance that ends with it."""

    def __init__(self, first: list[bytes], answer: Iterable[bytes], allowance: Allowance) -> None:
        self._first = first
        self._answer = answer
        self._allowance = allowance

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first:
            return self._first.pop(0)
        try:
            return next(self._answer)  # type: ignore[call-overload, no-any-return]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if close := getattr(self._answer, "close", None):
            close()
        self._allowance.close()
