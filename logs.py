"""The log: all loggers write to stderr, in the same format."""

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
"""The loggers that LOG_LEVEL applies to. Below warnings, other loggers may write an address or a statement."""
STDERR = 2


def begin(config: Config, request_id: RequestId) -> None:
    """Log to stderr, as the settings say; ``request_id`` returns the id of the current request, None outside of one."""
    # Fields that the formats don't show are not looked up: https://docs.python.org/3/howto/logging.html#optimization
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    handler = Stderr()
    handler.setFormatter((JsonFormatter if config.log_format == "json" else TextFormatter)(request_id))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in OURS:
        logging.getLogger(name).setLevel(config.log_level.upper())
    # This logger writes a line for each client that disconnects, and at level debug the name of each file sent.
    logging.getLogger("_granian.asgi.io").setLevel(max(logging.WARNING, logging.getLogger("_granian").level))


GRANIAN: dict[str, Any] = {
    "formatters": {},
    "handlers": {},
    "loggers": {
        "_granian": {"handlers": [], "propagate": True},
        "_granian.serve": {
            "level": "WARNING"
        },  # else each worker that rests, and each that is needed again, is told
    },
}
"""The logging configuration for Granian, with which its lines have the same format as all others."""


class Stderr(logging.Handler):
    """Writes each record by one system call, so that lines of several processes don't mix."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; it is lost if stderr is closed."""
        with contextlib.suppress(OSError):
            os.write(STDERR, self.format(record).encode("utf-8", "backslashreplace") + b"\n")


class LineFormatter(logging.Formatter):
    """The common part of both formats."""

    def __init__(self, request_id: RequestId) -> None:
        super().__init__()
        self._request_id = request_id
        self._second = (-1, "")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        """Write an exception's type and traceback, but not its message, which may contain a value from the request."""
        kind, _, places = ei
        return "".join(traceback.format_tb(places)) + (kind.__name__ if kind else "")

    def _words(self, record: logging.LogRecord) -> str:
        words = record.getMessage()
        if record.exc_info:
            words += "\n" + self.formatException(record.exc_info)
        return words

    def _stamp(self, record: logging.LogRecord) -> str:
        """Return the time of a record, to the second; it is formatted once for all records of the same second."""
        second = int(record.created)
        made_for, stamp = self._second
        if made_for != second:
            stamp = self._write_second(second)
            self._second = (second, stamp)
        return stamp

    def _write_second(self, second: int) -> str:
        raise NotImplementedError


class TextFormatter(LineFormatter):
    """Formats a record as text for people; some messages have several lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line: local time, level, logger, the request's id if there is one, and the message."""
        request_id = self._request_id()
        mark = f"[{request_id}] " if request_id else ""
        words = self._words(record)
        stamp = f"{self._stamp(record)},{int(record.msecs):03}"
        return f"{stamp} {record.levelname} {record.name} {mark}{words}"

    def _write_second(self, second: int) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(second))


class JsonFormatter(LineFormatter):
    """Formats a record as a JSON object on one line; the record's named arguments become members."""

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
