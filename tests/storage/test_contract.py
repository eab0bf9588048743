"""What every ciphertext store must do, in a database or not; a new store joins by standing in the list."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from storage import CiphertextGone, CiphertextStore, RowStore
from storage.protocol import Bytes
from storage.rows import READ_SIZE, ROW_BYTES, SMALL
from tests.storage.folder import FolderStore

STORES: dict[str, Callable[[Path], CiphertextStore]] = {
    "rows": lambda _: RowStore(),
    "unlogged": lambda _: RowStore(survives_crash=False),
    "folder": FolderStore,
}
PIECE = 1 << 20
SIZES = [
    1,
    ROW_BYTES,
    ROW_BYTES + 1,
    SMALL,
    SMALL + 1,
    READ_SIZE + 1,
    PIECE,
    PIECE + 1,
    PIECE + SMALL,
    3_000_001,
]
KEY, OTHER = b"k" * 32, b"o" * 32
SLOT = 7


def split(sealed: Bytes) -> Iterator[Bytes]:
    for start in range(0, len(sealed), PIECE):
        yield sealed[start : start + PIECE]


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CiphertextStore:
    return STORES[request.param](tmp_path)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_is_fetched(store: CiphertextStore, connection: Connection, size: int) -> None:
    sealed = os.urandom(size)
    for kind in (bytes, bytearray, memoryview):
        store.put(connection, SLOT, KEY, split(kind(sealed)))
        assert bytes(store.fetch(connection, SLOT, KEY, size)) == sealed
        store.delete(connection, SLOT, [KEY])


def test_what_is_not_there_is_gone(store: CiphertextStore, connection: Connection) -> None:
    store.put(connection, SLOT, OTHER, [b"sealed"])
    for slot, key in ((SLOT, KEY), (SLOT + 1, OTHER)):
        with pytest.raises(CiphertextGone):
            store.fetch(connection, slot, key, 6)


def test_single_ones_are_deleted(store: CiphertextStore, connection: Connection) -> None:
    for key in (KEY, OTHER):
        store.put(connection, SLOT, key, [b"sealed"])
    store.delete(connection, SLOT, [KEY, b"never there"])
    with pytest.raises(CiphertextGone):
        store.fetch(connection, SLOT, KEY, 6)
    assert bytes(store.fetch(connection, SLOT, OTHER, 6)) == b"sealed"


def test_a_slot_is_emptied_only_when_it_may_go(store: CiphertextStore, connection: Connection) -> None:
    store.put(connection, SLOT, KEY, [b"sealed"])
    assert store.filled(connection) == [SLOT]
    assert not store.empty(connection, SLOT, lambda: False)
    assert bytes(store.fetch(connection, SLOT, KEY, 6)) == b"sealed"
    assert store.empty(connection, SLOT, lambda: True)
    with pytest.raises(CiphertextGone):
        store.fetch(connection, SLOT, KEY, 6)
    assert store.filled(connection) == []


def test_what_is_not_whole_is_gone(store: CiphertextStore, connection: Connection) -> None:
    store.put(connection, SLOT, KEY, [b"sealed"])
    for size in (5, 7):
        with pytest.raises(CiphertextGone):
            store.fetch(connection, SLOT, KEY, size)
