"""A proxy that puts one script before those of each page: it notes what the browser complains about.

Neither driver tells this by itself: the one of WebKitGTK has no command for it, and Firefox mixes in what it says of
its own parts.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.browser.proxy import Quiet, answering

NOTES = b"""
const note = (text) => navigator.sendBeacon("/notes", String(text));
addEventListener("error", (event) => note(`error: ${event.message ?? event.target.outerHTML}`), true);
addEventListener("unhandledrejection", (event) => note(`rejected: ${event.reason}`));
document.addEventListener("securitypolicyviolation", (event) =>
  note(`CSP: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
for (const level of ["error", "warn"]) console[level] = (...texts) => note(`console: ${texts.join(" ")}`);
"""
HEAD = b"<head>"
OWN = {"connection", "transfer-encoding", "keep-alive", "content-length"}


@dataclass
class Noted:
    """Where the pages are to be had, and what browsers complained about so far."""

    url: str
    complaints: list[str]


@contextmanager
def noting(behind: int) -> Iterator[Noted]:
    """Answer with what a port of this machine says, until the block ends."""

    class Handler(Quiet):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path == "/notes.js":
                self.say(200, [("Content-Type", "text/javascript")], NOTES)
            elif self.path == "/notes":
                complaints.append(body.decode())
                self.say(204, [], b"")
            else:
                self.hand_on(body)

        def hand_on(self, body: bytes) -> None:
            headers = dict(self.headers) | {"Accept-Encoding": "identity"}
            connection = http.client.HTTPConnection("127.0.0.1", behind, timeout=20)
            connection.request(self.command, self.path, body, headers)
            got = connection.getresponse()
            found = got.read()
            if got.headers.get_content_type() == "text/html":
                found = found.replace(HEAD, HEAD + b'<script src="/notes.js"></script>', 1)
            self.say(got.status, [pair for pair in got.getheaders() if pair[0].lower() not in OWN], found)
            connection.close()

        def say(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in [*headers, ("Content-Length", str(len(body)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_HEAD = answer  # noqa: N815  (http.server finds them by these names)

    complaints: list[str] = []
    with answering(Handler) as port:
        yield Noted(f"http://127.0.0.1:{port}", complaints)
