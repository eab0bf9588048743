"""Stands between the HTTP server and Flask: receives bodies and sends answers, in a coroutine for each request."""

from front.asgi import Front

__all__ = ["Front"]
