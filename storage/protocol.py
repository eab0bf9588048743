from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from sqlalchemy import Connection

Bytes = bytes | bytearray | memoryview


class CiphertextGone(Exception):
    """The sealed bytes that a row points to are not there (any more)."""


class CiphertextStore(Protocol):
    """Where sealed bytes are put and fetched by row key; an image's row names its store.

    ``connection`` is for a store in the same database; another one has no use for it. Every store passes the one
    contract test, tests/storage/test_contract.py; docs/decisions/0064-what-a-store-promises.md has the reasons.
    """

    name: str

    def put(self, connection: Connection, slot: int, row_key: bytes, pieces: Iterable[Bytes]) -> None:
        """Keep sealed bytes, given in pieces of about 1 MiB.

        The caller adds their row before, so that a purge of the slot finds a living image and leaves it.
        """

    def fetch(self, connection: Connection, slot: int, row_key: bytes, size: int) -> memoryview | bytearray:
        """Return the sealed bytes, which are ``size`` in number; raises CiphertextGone."""

    def delete(self, connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        """Remove sealed bytes before their time; those that are not there are no error."""

    def filled(self, connection: Connection) -> list[int]:
        """List the slots that hold anything."""

    def empty(self, connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        """Remove everything in a slot, and return True.

        Nothing happens, and the answer is False, where ``may_go`` says no, or where the store would have to wait.
        """
