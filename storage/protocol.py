from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from sqlalchemy import Connection

Bytes = bytes | bytearray | memoryview
Pieces = Iterable[Bytes]
"""Sealed bytes in pieces of about 1 MiB."""


class CiphertextGone(Exception):
    """The sealed bytes that a row points to are not there (any more)."""


class CiphertextStore(Protocol):
    """Where sealed bytes are fetched and deleted by slot and row key; an image's row names its store.

    How they are put differs: a database takes the image's row along, an object store has to know size and lifetime.
    Every store passes the one contract test, tests/storage/test_contract.py. The reasons are in
    docs/decisions/0097-objects-in-s3.md.
    """

    @property
    def name(self) -> str:
        """What ``images.store`` calls it."""

    @property
    def in_database(self) -> bool:
        """Whether it works within the caller's transaction. While another one works, nobody holds a connection."""

    def slot(self, ring_slot: int, expires_at: float) -> int:
        """Return what its other methods call an image's slot, by what the row says: ``images.slot`` and the expiry."""

    def fetch(self, connection: Connection, slot: int, row_key: bytes, size: int) -> memoryview | bytearray:
        """Return the sealed bytes, which are ``size`` in number; raises CiphertextGone."""

    def delete(self, connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        """Remove sealed bytes before their time; those that are not there are no error."""


class SlotStore(CiphertextStore, Protocol):
    """A store in the database, whose slots a purge empties."""

    def filled(self, connection: Connection) -> list[int]:
        """List the slots that hold anything."""

    def empty(self, connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        """Remove everything in a slot, and return True.

        Nothing happens, and the answer is False, where ``may_go`` says no, or where the store would have to wait.
        """
