"""Keeps rows and objects consistent: an object is put before its row is added, and deleted after its row is deleted."""

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
"""All stores of the settings, by their names in ``images.store``."""
NO_CONNECTION: Any = None
"""Passed as the connection to a store outside of the database, which doesn't use it."""
log = logging.getLogger("mayfly.store")


class LargeImages:
    """Puts images from a certain size on into the object store; without an object store all go to the database."""

    def __init__(self, store: ObjectStore | None, from_bytes: int) -> None:
        self._store = store
        self._from_bytes = from_bytes

    def store_for(self, size: int, otherwise: str) -> str:
        """Return the name of the store for an image of ``size`` bytes; ``otherwise`` is the database's."""
        return self._store.name if self._store and size >= self._from_bytes else otherwise

    @contextmanager
    def put(self, rows: Sequence[SealedRow], lifetime: int) -> Iterator[list[SealedRow]]:
        """Put the objects of large images, then run the block, which adds all rows; yield the images for the database.

        If the block fails, the objects are deleted again, except after DatabaseAway, since the block's transaction may
        have been committed then. An object without a row is deleted at the expiry that it was put with. Raises
        StoreAway.
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
    """Return the store that a row names; raises StoreAway if the settings don't describe this store."""
    try:
        return stores[name]
    except KeyError:
        log.error("an image's sealed bytes are in the store %s, which the settings don't describe", name)
        raise StoreAway from None


def delete_sealed(
    connection: Connection,
    stores: StoresByName,
    name: str,
    ring_slot: int,
    images: Iterable[tuple[float, bytes]],
) -> None:
    """Delete the sealed bytes of images of one store and slot, whose rows the caller's transaction deletes.

    ``images`` are pairs of expiry, in seconds since 1970, and row key. Objects outside of the database are deleted
    after the commit; otherwise a transaction that fails would leave rows without bytes. An object that can't be deleted
    then stays until its expiry.
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
        log.warning(
            "the sealed bytes of %d deleted images stay in the object store until they expire", len(row_keys)
        )
