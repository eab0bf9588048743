"""Flask without features that cost time in every request and that Mayfly doesn't use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface, SessionMixin
from werkzeug.routing import MapAdapter, Rule


class _NoSessions(SessionInterface):
    """Gives every request the same session, which stays empty: Mayfly sets no cookie, and reads none."""

    def __init__(self) -> None:
        self._none = NullSession()  # whoever puts something there gets an error

    def open_session(self, app: Flask, request: Request) -> SessionMixin:  # noqa: ARG002 - as Flask calls it
        return self._none

    def is_null_session(self, obj: object) -> bool:
        return obj is self._none


class _Route(Rule):
    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        """Compile what builds this route's URL when it is needed first, which is never: Mayfly knows its URLs.

        Werkzeug compiles two functions for each route at once, half of the time in which an application is made.
        """
        compiled = super()._compile_builder
        return lambda route, **values: compiled(append_unknown).__get__(route)(**values)


class Application(Flask):
    """Flask, some 25 of 500 µs quicker a request (docs/measurements/lean.md)."""

    session_interface = _NoSessions()
    url_rule_class = _Route

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view as it is: no view is a coroutine. Flask would check that nine times a request."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Find routes by the path alone: all hosts have the same, and web/request/hosts.py judges them."""
        if request is None:
            return super().create_url_adapter(None)
        environ = request.environ
        return MapAdapter(
            self.url_map,
            environ.get("HTTP_HOST", ""),
            environ["SCRIPT_NAME"],
            "",
            environ["wsgi.url_scheme"],
            environ["PATH_INFO"].encode("latin-1").decode(errors="replace"),
            environ["REQUEST_METHOD"],
            environ["QUERY_STRING"].encode("latin-1").decode(errors="replace"),
        )
