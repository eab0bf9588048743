"""The description of a route, written above it as a decorator; /openapi.json is made from all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Literal, TypeVar

from services import GateUse

Route = TypeVar("Route", bound=Callable[..., Any])
Schemas = Mapping[str, dict[str, Any]]
"""JSON Schemas by the names of what they describe."""
BodyHolds = Literal["image", "base64", "fields"]
AccountUse = Literal["logged in", "asked", "heeded", "ignored"]
TEXT, HTML = "text/plain", "text/html"


@dataclass(frozen=True)
class Answer:
    """One status of a route: its JSON, other media types it may have instead, and the headers it always has."""

    why: str
    schema: type | UnionType | None = None
    media_types: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    may_have: tuple[str, ...] = ()


@dataclass(frozen=True)
class RequestBody:
    """The request body of a route: JSON of a schema, or media types with a schema each."""

    schema: type | None = None
    media_types: Schemas = field(default_factory=dict)
    required: bool = True
    holds: BodyHolds = "fields"
    """The size limit of the body: that of an image, of an image in base64, or of a few fields."""


@dataclass(frozen=True)
class Operation:
    """A route's description, which stands above it as a decorator."""

    summary: str
    answers: Mapping[int, Answer]
    refuses: tuple[type[Exception], ...] = ()
    query: Schemas = field(default_factory=dict)
    path: Schemas = field(default_factory=dict)
    body: RequestBody | None = None
    also: Mapping[int, str] = field(default_factory=dict)
    """Statuses of refusals that are no errors of the domain, with their codes."""
    account: AccountUse = "ignored"
    """Whether a route needs a login's token, needs an account, looks who is asking, or looks at no header."""
    basic: bool = False
    """Whether HTTP Basic may carry an image's password, and before an upload a code as its user name."""
    gate: GateUse | None = None
    """What the gate (UPLOADS, REGISTRATION) checks before this route: an upload, a registration, or nothing."""
    limit: str | None = None
    """Which of RATE_LIMITS a request of this route counts in."""

    def __call__(self, route: Route) -> Route:
        """Describe a route."""
        route.__operation__ = self  # type: ignore[attr-defined]
        return route


def operation_of(route: Callable[..., Any]) -> Operation | None:
    """Return a route's description; None where it has none."""
    found: Operation | None = getattr(route, "__operation__", None)
    return found
