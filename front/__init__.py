"""The layer between the HTTP server and Flask: a coroutine for each request receives the body and sends the answer."""

from front.asgi import Front
from front.sockets import accept_no_more, connections, take_no_more

__all__ = ["Front", "accept_no_more", "connections", "take_no_more"]
