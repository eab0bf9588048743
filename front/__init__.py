"""The layer between the HTTP server and Flask: a coroutine for each request receives the body and sends the answer."""

from front.asgi import Front
from front.sockets import connections, leave_to_others, take_no_more

__all__ = ["Front", "connections", "leave_to_others", "take_no_more"]
