"""Rate limits of each client and of all clients together, counted before a request is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Protocol

from flask import Flask, Response, g, request

from services import Attempt, PasswordWrong, TooManyRequests, UploadCodeWrong, counts, once
from units import Rate, RateLimit
from web.description.operation import operation_of
from web.request.client import client_of
from web.request.windows import Window

DOING = {
    "uploads": "uploads",
    "opens": "requests for images",
    "conversions": "conversions",
    "passwords": "wrong passwords",
    "logins": "logins",
    "registrations": "registrations",
    "cleanup": "purges",
    "receipts": "questions about receipts",
}
"""What each limit counts. Among the counts of all clients together, each limit's place is its position here."""
Tag = Callable[[str, str], bytes]


@dataclass(frozen=True)
class Policy:
    """One rate of one limit, and how the header RateLimit-Policy says it."""

    name: str
    rate: Rate
    text: str

    @classmethod
    def of(cls, name: str, rate: Rate | None) -> Policy | None:
        """Describe a rate; None where there is none."""
        return None if rate is None else cls(name, rate, f'"{name}";q={rate.amount};w={rate.seconds}')


Counted = list[tuple[Policy, Window]]


class Store(Protocol):
    """Where counts are kept."""

    def take(self, key: int, rate: Rate, amount: int = 1) -> Window:
        """Count ``amount`` more under a key where the rate allows it."""


class Limiter:
    """Counts what clients do; ``tag`` stands for an address and a purpose, so that none is kept in clear."""

    def __init__(self, limits: Mapping[str, RateLimit], store: Store, tag: Tag) -> None:
        self._policies = {
            name: (Policy.of(name, limit.by_client), Policy.of(f"{name}-in-all", limit.in_all))
            for name, limit in limits.items()
        }
        self._store = store
        self._in_all = {name: place for place, name in enumerate(DOING)}
        self._tag = tag

    def _key_of(self, client: str, name: str) -> int:
        return int.from_bytes(self._tag(client, f"limit/{name}")[:8], "little")

    def take(self, name: str, client: str, amount: int = 1) -> Counted:
        """Count something for a client, and if it may, for all; a negative amount gives back what was counted.

        Raises TooManyRequests.
        """
        by_client, in_all = self._policies.get(name, (None, None))
        counted: Counted = []
        if by_client is not None:
            window = self._store.take(self._key_of(client, name), by_client.rate, amount)
            counted.append((by_client, window))
        if in_all is not None and (not counted or window.admitted):
            window = self._store.take(self._in_all[name], in_all.rate, amount)
            if by_client is not None and not window.admitted:  # what all have used up, this one has not
                self._store.take(self._key_of(client, name), by_client.rate, -amount)
            if not (counted and window.admitted):
                counted.append((in_all, window))
        return counted


def register_limits(app: Flask, limiter: Limiter) -> None:
    """Count each request whose route has a limit, and tell on every answer what the limits allow."""

    @cache
    def limit_of(endpoint: str) -> str | None:
        operation = operation_of(app.view_functions[endpoint])
        return operation.limit if operation else None

    @app.before_request
    def begin() -> None:
        g.limiter = limiter
        endpoint = request.endpoint
        if endpoint is not None and (limit := limit_of(endpoint)):
            count(limit)

    @app.after_request
    def tell(response: Response) -> Response:
        if counted := g.get("counted"):
            told = [f'"{policy.name}";r={window.remaining};t={window.seconds}' for policy, window in counted]
            response.headers.add("RateLimit-Policy", ", ".join([policy.text for policy, _ in counted]))
            response.headers.add("RateLimit", ", ".join(told))
        return response


def count(name: str, amount: int = 1) -> None:
    """Count something for the client of this request, once however often its work begins anew.

    Raises TooManyRequests.
    """
    _note(once(("limit", name, amount), partial(_counted, name, amount)))


def count_more(name: str, amount: int) -> None:
    """Count what a request does beyond the one that was counted when it came; raises TooManyRequests."""
    if amount:
        g.counted = []  # what is left is told once
        count(name, amount)


@contextmanager
def guessing(password: str | None) -> Iterator[Attempt | None]:
    """Let the block try a password or an upload code, and count a wrong one; raises TooManyRequests.

    It is counted before it is tried, or several at a time would count as one, and given back where it wasn't wrong.
    """
    if not password:
        yield None
        return
    client = client_of(request)
    counted = _counted("passwords")
    try:
        yield Attempt(password, client)
    except (PasswordWrong, UploadCodeWrong):
        _note(counted)
        raise
    except BaseException:
        g.limiter.take("passwords", client, -1)
        raise
    g.limiter.take("passwords", client, -1)


def _counted(name: str, amount: int = 1) -> Counted:
    counted: Counted = g.limiter.take(name, client_of(request), amount)
    for policy, window in counted:
        if not window.admitted:
            _note(counted)
            counts.LIMITS_HIT.add(policy.name)
            raise TooManyRequests(policy.name, DOING[name], window.seconds, in_all=policy.name != name)
    return counted


def _note(counted: Counted) -> None:
    g.counted = [*g.get("counted", ()), *counted]
