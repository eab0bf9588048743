"""Stands between the HTTP server and Flask: receives bodies and sends answers, in a coroutine for each request."""

from front.asgi import Front
from front.sockets import take_no_more

__all__ = ["Front", "take_no_more"]
