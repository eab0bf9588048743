"""Between the HTTP server and Flask: takes bodies in and sends answers, a coroutine for each request."""

from front.asgi import Front
from front.sockets import set_user_timeout

__all__ = ["Front", "set_user_timeout"]
