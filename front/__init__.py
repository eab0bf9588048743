"""The front: coroutines take requests in and send answers; a few threads call the WSGI application in between."""

from front.app import Front

__all__ = ["Front"]
