"""Sealed bytes outside of the database: put before the row is added, and removed after it is gone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from sqlalchemy import Connection

from crypto import sealed_size
from services.database import after_commit
from services.errors import DatabaseAway
from services.incoming import SealedRow
from storage import CiphertextStore, ObjectStore, StoreAway

StoresByName = Mapping[str, CiphertextStore]
"""Every store that the settings tell of, by the name that rows have for it."""
NO_CONNECTION: Any = None
"""What a store outside of the database gets for a connection, which it has no use for."""
log = logging.getLogger("mayfly.store")


class LargeImages:
    """Has images of some size and more go to the object store, and all of them to the database where there is none."""

    def __init__(self, store: ObjectStore | None, from_bytes: int) -> None:
        self._store = store
        self._from_bytes = from_bytes

    def store_for(self, size: int, otherwise: str) -> str:
        """Name the store of an image of ``size`` bytes."""
        return self._store.name if self._store and size >= self._from_bytes else otherwise

    @contextmanager
    def put(self, rows: Sequence[SealedRow], lifetime: int) -> Iterator[list[SealedRow]]:
        """Put the objects of images before the block adds their rows; lend it those that go to the database.

        Bytes that no row knows of yet harm nobody: they are over when the image would be. Where the block fails, they
        are removed, unless its transaction may have been committed all the same. Raises StoreAway.
        """
        store = self._store
        if store is None:
            yield list(rows)
            return
        large = [(row, pieces) for row, pieces in rows if row.store == store.name]
        placed: list[tuple[int, bytes]] = []
        try:
            for row, pieces in large:
                slot = store.slot(row.slot, row.expires_at)
                placed.append((slot, row.row_key))
                store.put(slot, row.row_key, pieces, sealed_size(row.size), lifetime)
            yield [(row, pieces) for row, pieces in rows if row.store != store.name]
        except DatabaseAway:
            raise
        except BaseException:
            with suppress(StoreAway):
                for slot, row_key in placed:
                    store.delete(NO_CONNECTION, slot, [row_key])
            raise


def store_of(stores: StoresByName, name: str) -> CiphertextStore:
    """Return the store that a row names; raises StoreAway where no setting tells where it is."""
    try:
        return stores[name]
    except KeyError:
        log.error("a row has its sealed bytes in the store %s, and no setting tells where that is", name)
        raise StoreAway from None


def delete_sealed(
    connection: Connection,
    stores: StoresByName,
    name: str,
    ring_slot: int,
    images: Iterable[tuple[float, bytes]],
) -> None:
    """Delete the sealed bytes of images of one store and slot, whose rows the transaction deletes.

    An image is named by its expiry and row key. Bytes outside of the database go once the transaction is committed:
    else one that fails would leave rows without bytes. Those that can't be deleted then go when their time is over.
    """
    try:
        store = store_of(stores, name)
    except StoreAway:
        return
    by_slot: dict[int, list[bytes]] = {}
    for expires_at, row_key in images:
        by_slot.setdefault(store.slot(ring_slot, expires_at), []).append(row_key)
    for slot, row_keys in by_slot.items():
        if store.in_database:
            store.delete(connection, slot, row_keys)
        else:
            after_commit(connection, partial(_delete_objects, store, slot, row_keys))


def _delete_objects(store: CiphertextStore, slot: int, row_keys: list[bytes]) -> None:
    try:
        store.delete(NO_CONNECTION, slot, row_keys)
    except StoreAway:
        log.warning("the sealed bytes of deleted images stay until their time is over: %d", len(row_keys))
