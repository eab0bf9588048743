"""A request that is run in the thread that brings it, as Flask's test client does; a server has its front for that."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from werkzeug.wsgi import ClosingIterator

from services import FREE_BYTES, Allowance, Budget, Later, Overloaded

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def run_alone(
    app: WSGIApplication, memory: Budget, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Run a request, again from its beginning for as long as it asks for more of a budget.

    It holds memory for its body, and whatever else it took, until its answer is read or closed.
    """
    environ = environ | {"mayfly.kept": {}}
    allowance, size = Allowance(), min(int(environ.get("CONTENT_LENGTH") or 0), memory.units)
    needed = Later(memory, size) if size > FREE_BYTES else None
    while True:
        try:
            if needed is not None:
                _wait(needed, allowance)
            with allowance.current():
                answer = app(dict(environ), start_response)
            return ClosingIterator(_read(answer, allowance), [answer.close, allowance.close])  # type: ignore[attr-defined]
        except Later as later:
            needed = later
        except Overloaded as refusal:
            allowance.close()
            needed, environ = None, environ | {"mayfly.refusal": refusal}


def _read(answer: Iterable[bytes], allowance: Allowance) -> Iterator[bytes]:
    yield from answer
    allowance.close()


def _wait(needed: Later, allowance: Allowance) -> None:
    granted = threading.Event()
    ticket = needed.budget.join(needed.amount, granted.set)
    if not granted.wait(needed.budget.patience) and not ticket.leave():
        raise Overloaded
    allowance.add(needed.budget, needed.amount)
