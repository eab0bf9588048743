"""Mayfly as `python app.py` serves it, with a header in each answer that tells its steps."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, BinaryIO

import granian
from psycopg2.extensions import cursor
from sqlalchemy import Engine, event

import server
from benchmarks.step.ledger import Ledger, install
from benchmarks.step.table import COMMIT, OPEN, RECEIVE, REST, UPLOAD
from front import Front

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

HEADER = "Benchmark-Steps"
LEDGER = Ledger()


class Measured(granian.Granian):  # type: ignore[misc,valid-type]
    """The same server with the same options, around another worker."""

    def __init__(self, _target: str, **options: Any) -> None:
        super().__init__(f"{__spec__.name}:worker", **options)


class Source:
    """What COPY reads, up to the moment when there is nothing more to read."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.ended = (0.0, 0.0)

    def read(self, size: int) -> bytes:
        piece: bytes = self._file.read(size)
        if not piece:
            self.ended = time.perf_counter(), time.thread_time()
        return piece


class Cursor(cursor):
    """Takes the wait after the last byte of an upload for the commit, which it ends with."""

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        if not hasattr(file, "read"):
            return super().copy_expert(sql, file, size)
        source = Source(file)
        super().copy_expert(sql, source, size)  # type: ignore[arg-type]
        LEDGER.move("copy", COMMIT, source.ended)
        return None


class Body:
    """A request's body, whose reading is a step of its own."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        with LEDGER.step(RECEIVE):
            return self._file.read(size)


def worker() -> Front:
    """Make the application in a worker process."""
    event.listen(Engine, "do_connect", _lend_cursor)
    made = server.prepared()
    app = made.plain_wsgi
    install(LEDGER, UPLOAD | OPEN)

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        environ["wsgi.input"] = Body(environ["wsgi.input"])
        told: list[Any] = []
        LEDGER.begin()
        with LEDGER.step(REST):
            body = app(environ, lambda *given: told.append(given))  # type: ignore[arg-type]
        status, headers = told[0][:2]
        steps = {name: [LEDGER.wall[name], LEDGER.cpu[name]] for name in LEDGER.wall}
        start_response(status, [*headers, (HEADER, json.dumps(steps))])
        return body

    return server.front_of(made, call)


def _lend_cursor(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
    options["cursor_factory"] = Cursor


if __name__ == "__main__":
    vars(server)["Granian"] = Measured
    server.main()
