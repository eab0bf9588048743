"""A proxy between libpq and PostgreSQL that counts what passes.

It reads no more than each message's type and length:
https://www.postgresql.org/docs/current/protocol-message-formats.html

It is a process of its own: psycopg2 ends a COPY without letting other threads run, so one of them could never hand on.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

ROOT = Path(__file__).parents[2]
SOCKET = ".s.PGSQL.5432"
BUFFER = 256 * 1024
LENGTH = 4


@dataclass
class Way:
    """One direction of one connection: bytes so far, and messages by their type; what starts one has no type."""

    head: int
    size: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    _seen: bytearray = field(default_factory=bytearray)
    _left: int = 0

    def feed(self, data: memoryview) -> None:
        self.size += len(data)
        while data:
            if self._left:
                step = min(self._left, len(data))
                self._left -= step
            else:
                step = self.head - len(self._seen)
                self._seen += data[:step]
                if len(self._seen) == self.head:
                    self._begin(bytes(self._seen))
            data = data[step:]

    def _begin(self, head: bytes) -> None:
        self.messages[head[:-LENGTH].decode()] += 1
        self._left = int.from_bytes(head[-LENGTH:], "big") - LENGTH
        self._seen.clear()
        self.head = 1 + LENGTH


class Wire:
    """Asks the proxy's process what all connections have said and heard so far."""

    def __init__(self, door: subprocess.Popen[str]) -> None:
        self._questions, self._answers = cast("IO[str]", door.stdin), cast("IO[str]", door.stdout)
        self.counts()  # it listens from here on

    def counts(self) -> dict[str, int]:
        self._questions.write("\n")
        self._questions.flush()
        return dict(json.loads(self._answers.readline()))


@contextmanager
def counting(folder: Path, server: Path) -> Iterator[Wire]:
    """Listen in a folder as PostgreSQL would, for the server whose socket is in another."""
    command = [sys.executable, "-m", __name__, str(folder), str(server)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as door:
        yield Wire(door)
        door.communicate()


def main(folder: Path, server: Path) -> None:
    asked: list[Way] = []
    told: list[Way] = []
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / SOCKET))
        door.listen()
        threading.Thread(target=_accept, args=(door, server / SOCKET, asked, told), daemon=True).start()
        for _ in sys.stdin:
            sys.stdout.write(json.dumps(_counts(asked, told)) + "\n")
            sys.stdout.flush()


def _counts(asked: list[Way], told: list[Way]) -> dict[str, int]:
    answers = sum((way.messages for way in told), Counter[str]())
    return {
        "statements": answers["C"],  # CommandComplete: a message of two statements has two
        "round trips": answers["Z"],  # ReadyForQuery
        "messages to PostgreSQL": sum(way.messages.total() for way in asked),
        "bytes to PostgreSQL": sum(way.size for way in asked),
        "bytes from PostgreSQL": sum(way.size for way in told),
    }


def _accept(door: socket.socket, server: Path, asked: list[Way], told: list[Way]) -> None:
    with contextlib.suppress(OSError):
        while True:
            client, _ = door.accept()
            behind = socket.socket(socket.AF_UNIX)
            behind.connect(str(server))
            there, back = Way(LENGTH), Way(1 + LENGTH)
            asked.append(there)
            told.append(back)
            for ends in ((client, behind, there), (behind, client, back)):
                threading.Thread(target=_hand_on, args=ends, daemon=True).start()


def _hand_on(source: socket.socket, sink: socket.socket, way: Way) -> None:
    buffer = memoryview(bytearray(BUFFER))
    with contextlib.suppress(OSError):
        while size := source.recv_into(buffer):
            # Counted before it is handed on: who has the answer finds all of it counted.
            way.feed(buffer[:size])
            sink.sendall(buffer[:size])
        sink.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
