"""What every ciphertext store must do, in a database or not; a new store joins by standing in the list."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from storage import CiphertextGone, CiphertextStore, Expiry, ObjectStore, RowStore, open_object_store
from storage.protocol import Bytes
from storage.rows import ROW_BYTES, ROWS_AT_ONCE
from tests.object_store import Service

STORES = ["rows", "unlogged", "s3", "seaweedfs"]
PIECE = 1 << 20
GROUP = ROWS_AT_ONCE * ROW_BYTES
SIZES = [
    1,
    ROW_BYTES,
    ROW_BYTES + 1,
    GROUP,
    GROUP + 1,
    PIECE,
    PIECE + 1,
    PIECE + GROUP,
    3_000_001,
]
KEY, OTHER = b"k" * 32, b"o" * 32
SLOT = 7


class Split:
    """Sealed bytes in pieces, however often they are asked for."""

    def __init__(self, sealed: Bytes) -> None:
        self._sealed = sealed

    def __iter__(self) -> Iterator[Bytes]:
        for start in range(0, len(self._sealed), PIECE):
            yield self._sealed[start : start + PIECE]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> CiphertextStore:
    if request.param in {"rows", "unlogged"}:
        return RowStore(survives_crash=request.param == "rows")
    running: Service = request.getfixturevalue("object_store")
    expiry: Expiry = "seaweedfs" if request.param == "seaweedfs" else "sweep"
    return open_object_store(running.settings("contract", expiry), lambda *_: None)


def put(store: CiphertextStore, connection: Connection, slot: int, key: bytes, sealed: Bytes) -> None:
    """Put sealed bytes piece by piece, as each store takes them."""
    if isinstance(store, ObjectStore):
        store.put(slot, key, Split(sealed), len(sealed), lifetime=300)
    else:
        assert isinstance(store, RowStore)
        store.put(connection, slot, key, Split(sealed))


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_is_fetched(store: CiphertextStore, connection: Connection, size: int) -> None:
    sealed = os.urandom(size)
    for kind in (bytes, bytearray, memoryview):
        put(store, connection, SLOT, KEY, kind(sealed))
        assert bytes(store.fetch(connection, SLOT, KEY, size)) == sealed
        store.delete(connection, SLOT, [KEY])


def test_what_is_not_there_is_gone(store: CiphertextStore, connection: Connection) -> None:
    put(store, connection, SLOT, OTHER, b"sealed")
    for slot, key in ((SLOT, KEY), (SLOT + 1, OTHER)):
        with pytest.raises(CiphertextGone):
            store.fetch(connection, slot, key, 6)


def test_single_ones_are_deleted(store: CiphertextStore, connection: Connection) -> None:
    for key in (KEY, OTHER):
        put(store, connection, SLOT, key, b"sealed")
    store.delete(connection, SLOT, [KEY, b"never there"])
    with pytest.raises(CiphertextGone):
        store.fetch(connection, SLOT, KEY, 6)
    assert bytes(store.fetch(connection, SLOT, OTHER, 6)) == b"sealed"


def test_what_is_not_whole_is_gone(store: CiphertextStore, connection: Connection) -> None:
    put(store, connection, SLOT, KEY, b"sealed")
    for size in (5, 7):
        with pytest.raises(CiphertextGone):
            store.fetch(connection, SLOT, KEY, size)
