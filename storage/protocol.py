from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from sqlalchemy import Connection

Bytes = bytes | bytearray | memoryview


class CiphertextGone(Exception):
    """The sealed bytes that a row points to are not there (any more)."""


class CiphertextStore(Protocol):
    """Where sealed bytes are put and fetched by row key; an image's row names its store.

    Every store passes the one contract test, tests/storage/test_contract.py.
    """

    name: str

    def put(
        self, connection: Connection, slot: int, row_key: bytes, pieces: Iterable[Bytes], along: bytes
    ) -> None:
        """Keep sealed bytes, given in pieces of about 1 MiB, and run the statement ``along`` that adds their row.

        Both take effect, or neither. The row goes first: a purge that locks the slot in between finds nothing there
        to remove yet.
        """

    def fetch(self, connection: Connection, slot: int, row_key: bytes, size: int) -> bytearray:
        """Return the sealed bytes, which are ``size`` in number; raises CiphertextGone."""

    def delete(self, connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        """Remove sealed bytes before their time; those that are not there are no error."""

    def filled(self, connection: Connection) -> list[int]:
        """List the slots that hold anything."""

    def empty(self, connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        """Remove everything in a slot, at a cost that doesn't grow with what is in it.

        ``may_go`` is asked once nothing can be put there any more; where it says no, or where that would mean
        waiting for somebody, nothing happens and the answer is False.
        """
