"""Between the HTTP server and Flask: takes bodies in and sends answers, a coroutine for each request."""

from front.asgi import Front
from front.sockets import take_no_more

__all__ = ["Front", "take_no_more"]
