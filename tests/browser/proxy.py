"""A proxy that stands before Mayfly and takes a path away, as one that serves many things under one name does."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive"}


class Quiet(BaseHTTPRequestHandler):
    """Answers requests without a word on standard error."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def answering(handler: type[Quiet], port: int = 0) -> Iterator[int]:
    """Answer requests on a port of this machine, a free one where none is named, until the block ends; yields it."""
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def proxying(port: int, path: str, behind: int) -> Iterator[list[Message]]:
    """Answer on a port of this machine, below a path and nowhere else, with what the port behind says.

    Yields the headers of the requests as they come.
    """
    heard: list[Message] = []

    class Handler(Quiet):
        def answer(self) -> None:
            if not self.path.startswith(f"{path}/"):
                self.send_error(502)
                return
            heard.append(self.headers)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with closing(http.client.HTTPConnection("127.0.0.1", behind, timeout=20)) as connection:
                connection.request(self.command, self.path.removeprefix(path), body, dict(self.headers))
                got = connection.getresponse()
                data = got.read()
            self.send_response_only(got.status)
            for name, value in got.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer  # noqa: N815  (http.server finds them by these names)

    with answering(Handler, port):
        yield heard
