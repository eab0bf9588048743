"""What every ciphertext store must do; a new store joins by standing in the list."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from app import Mayfly
from models import db
from storage import CiphertextGone, CiphertextStore, RowStore
from storage.protocol import Bytes
from storage.rows import READ_SIZE, ROW_BYTES, SMALL

STORES = [RowStore()]
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
NOTHING = b"SELECT 1"


def split(sealed: Bytes) -> Iterator[Bytes]:
    for start in range(0, len(sealed), PIECE):
        yield sealed[start : start + PIECE]


@pytest.fixture(params=STORES, ids=lambda store: store.name)
def store(request: pytest.FixtureRequest) -> CiphertextStore:
    found: CiphertextStore = request.param
    return found


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_is_fetched(store: CiphertextStore, connection: Connection, size: int) -> None:
    sealed = os.urandom(size)
    for kind in (bytes, bytearray, memoryview):
        store.put(connection, SLOT, KEY, split(kind(sealed)), NOTHING)
        assert store.fetch(connection, SLOT, KEY, size) == sealed
        store.delete(connection, SLOT, [KEY])


def test_nothing_is_kept_before_the_commit(store: CiphertextStore, engine: Engine) -> None:
    with engine.connect() as connection:
        with connection.begin() as transaction:
            store.put(connection, SLOT, KEY, [b"sealed"], NOTHING)
            transaction.rollback()
        with pytest.raises(CiphertextGone):
            store.fetch(connection, SLOT, KEY, 6)


def test_the_row_and_its_bytes_are_kept_together_or_not_at_all(store: CiphertextStore, app: Mayfly) -> None:
    along = b"UPDATE stored SET bytes = 5 WHERE slot = 3"
    counted = text("SELECT bytes FROM stored WHERE slot = 3")
    with app.app_context(), db.engine.connect() as connection:
        store.put(connection, SLOT, KEY, [b"sealed"], along)
        assert connection.scalar(counted) == 5
        for broken, statement in ((KEY, along.replace(b"5", b"6")), (OTHER, b"UPDATE nothing SET x = 1")):
            with pytest.raises(DBAPIError):  # the first is there already, the second has no such table
                store.put(connection, SLOT, broken, [b"other"], statement)
        assert connection.scalar(counted) == 5
        assert bytes(store.fetch(connection, SLOT, KEY, 6)) == b"sealed"
        with pytest.raises(CiphertextGone):
            store.fetch(connection, SLOT, OTHER, 6)
        store.delete(connection, SLOT, [KEY])


def test_what_is_not_there_is_gone(store: CiphertextStore, connection: Connection) -> None:
    store.put(connection, SLOT, OTHER, [b"sealed"], NOTHING)
    for slot, key in ((SLOT, KEY), (SLOT + 1, OTHER)):
        with pytest.raises(CiphertextGone):
            store.fetch(connection, slot, key, 6)


def test_single_ones_are_deleted(store: CiphertextStore, connection: Connection) -> None:
    for key in (KEY, OTHER):
        store.put(connection, SLOT, key, [b"sealed"], NOTHING)
    store.delete(connection, SLOT, [KEY, b"never there"])
    with pytest.raises(CiphertextGone):
        store.fetch(connection, SLOT, KEY, 6)
    assert bytes(store.fetch(connection, SLOT, OTHER, 6)) == b"sealed"


def test_a_slot_is_emptied_only_when_it_may_go(store: CiphertextStore, connection: Connection) -> None:
    store.put(connection, SLOT, KEY, [b"sealed"], NOTHING)
    assert store.filled(connection) == [SLOT]
    assert not store.empty(connection, SLOT, lambda: False)
    assert bytes(store.fetch(connection, SLOT, KEY, 6)) == b"sealed"
    assert store.empty(connection, SLOT, lambda: True)
    with pytest.raises(CiphertextGone):
        store.fetch(connection, SLOT, KEY, 6)
    assert store.filled(connection) == []


def test_a_slot_in_use_is_not_waited_for(store: CiphertextStore, engine: Engine) -> None:
    with engine.connect() as uploader, engine.connect() as purger, uploader.begin() as upload, purger.begin():
        store.put(uploader, SLOT, KEY, [b"sealed"], NOTHING)
        assert not store.empty(purger, SLOT, lambda: True)
        upload.rollback()


def test_emptying_writes_the_same_wal_whatever_is_in_the_slot(engine: Engine) -> None:
    """The cost of a purge doesn't grow with what it removes: measured in bytes of WAL."""
    written = {}
    for megabytes in (1, 20):
        with engine.begin() as connection:
            for number in range(megabytes):
                RowStore().put(connection, SLOT, number.to_bytes(32, "big"), [os.urandom(1_000_000)], NOTHING)
        with engine.connect() as connection:
            before = connection.scalar(text("SELECT pg_current_wal_insert_lsn()"))
            assert RowStore().empty(connection, SLOT, lambda: True)
            connection.commit()
            after = text("SELECT pg_current_wal_insert_lsn() - CAST(:before AS pg_lsn)")
            written[megabytes] = int(connection.execute(after, {"before": before}).scalar_one())
    assert written[20] < written[1] + 32_768
    assert written[20] < 200_000


def test_what_is_not_whole_is_gone(store: CiphertextStore, connection: Connection) -> None:
    store.put(connection, SLOT, KEY, [b"sealed"], NOTHING)
    for size in (5, 7):
        with pytest.raises(CiphertextGone):
            store.fetch(connection, SLOT, KEY, size)
