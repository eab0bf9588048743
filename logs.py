"""The log: the lines of every logger in one form, to stderr."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from config import Config

RequestId = Callable[[], str | None]
OURS = ("mayfly", "_granian")
"""The loggers that LOG_LEVEL is for. What others say below a warning may quote an address or a statement."""
STDERR = 2


def begin(config: Config, request_id: RequestId) -> None:
    """Write to stderr from now on, as the settings say; ``request_id`` tells that of the current request, if any."""
    # What the forms don't show is not looked up: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = Stderr()
    handler.setFormatter((JsonFormatter if config.log_format == "json" else TextFormatter)(request_id))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(config.log_level.upper())
    # It tells each client that goes, and at the level of debug which file it sends.
    logging.getLogger("_granian.asgi.io").setLevel(max(logging.WARNING, logging.getLogger("_granian").level))


GRANIAN: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}},
}
"""Has granian's lines come out in the same form as all others."""


class Stderr(logging.Handler):
    """Writes each record by one call of the system, so that lines of several processes don't mix."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; it is lost where nobody reads stderr any more."""
        with contextlib.suppress(OSError):
            os.write(STDERR, self.format(record).encode("utf-8", "backslashreplace") + b"\n")


class LineFormatter(logging.Formatter):
    """What both forms have in common."""

    def __init__(self, request_id: RequestId) -> None:
        super().__init__()
        self._request_id = request_id
        self._second = (-1, "")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """Tell an exception by its type and places alone: its words may hold a value of the request."""
        kind, _, places = ei
        return "".join(traceback.format_tb(places)) + (kind.__name__ if kind else "")

    def _words(self, record: logging.LogRecord) -> str:
        words = record.getMessage()
        if record.exc_info:
            words += "\n" + self.formatException(record.exc_info)
        return words

    def _stamp(self, record: logging.LogRecord) -> str:
        """Return the time of a record, to the second; it is made once for all records of a second."""
        second = int(record.created)
        made_for, stamp = self._second
        if made_for != second:
            stamp = self._write_second(second)
            self._second = (second, stamp)
        return stamp

    def _write_second(self, second: int) -> str:
        raise NotImplementedError


class TextFormatter(LineFormatter):
    """A line for people; the words of some records have several lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: local time, level, logger, the request's id if there is one, and the words."""
        request_id = self._request_id()
        mark = f"[{request_id}] " if request_id else ""
        words = self._words(record)
        stamp = f"{self._stamp(record)},{int(record.msecs):03}"
        return f"{stamp} {record.levelname} {record.name} {mark}{words}"

    def _write_second(self, second: int) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


class JsonFormatter(LineFormatter):
    """An object of JSON on one line; arguments that a record names are members of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: ``time`` in UTC, ``level``, ``logger``, ``message``, ``request_id`` if there is one."""
        line: dict[str, Any] = {
            "time": f"{self._stamp(record)}.{int(record.msecs):03}+00:00",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._words(record),
        }
        request_id = self._request_id()
        if request_id:
            line["request_id"] = request_id
        if isinstance(record.args, Mapping):
            line |= record.args
        return json.dumps(line, separators=(",", ":"), default=str)

    def _write_second(self, second: int) -> str:
        return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
