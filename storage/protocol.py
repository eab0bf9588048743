from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from sqlalchemy import Connection

Bytes = bytes | bytearray | memoryview
Pieces = Iterable[Bytes]
"""Sealed bytes in pieces of about 1 MiB."""


class CiphertextGone(Exception):
    """The sealed bytes that a row refers to are missing."""


class CiphertextStore(Protocol):
    """A store of sealed bytes, which are fetched and deleted by slot and row key. An image's row names its store.

    There is no common method to put them: a database stores the image's row in the same transaction, an object store
    needs the size and the lifetime. All stores pass the same contract test, tests/storage/test_contract.py. The reasons
    are in docs/decisions/0097-objects-in-s3.md.
    """

    @property
    def name(self) -> str:
        """Its name in the column ``images.store``."""

    @property
    def in_database(self) -> bool:
        """Whether it works within the caller's transaction. A caller of any other store must hold no connection."""

    def slot(self, ring_slot: int, expires_at: float) -> int:
        """Return an image's slot as the other methods take it, from ``images.slot`` and the expiry in the row.

        ``expires_at`` is in seconds since 1970.
        """

    def fetch(self, connection: Connection, slot: int, row_key: bytes, size: int) -> bytearray:
        """Return the sealed bytes of an image of ``size`` sealed bytes; raises CiphertextGone."""

    def delete(self, connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        """Delete sealed bytes before their expiry; missing ones are no error."""


class SlotStore(CiphertextStore, Protocol):
    """A store in the database; a purge empties its slots."""

    def filled(self, connection: Connection) -> list[int]:
        """List the slots that are not empty."""

    def empty(self, connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        """Remove all sealed bytes of a slot and return True.

        Return False and change nothing if ``may_go`` returns False, or if the store would have to wait for a lock.
        """
