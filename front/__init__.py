"""Between the HTTP server and Flask: takes bodies in and sends answers, a coroutine for each request."""

from front.asgi import Front

__all__ = ["Front"]
