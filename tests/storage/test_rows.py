"""How the slots' tables are kept."""

from __future__ import annotations

import os
import tracemalloc

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from app import Mayfly
from models import SLOTS, ciphertexts
from storage import CiphertextGone, RowStore
from storage.rows import ROW_BYTES, ROWS_AT_ONCE

STORE = RowStore()
SLOT = 7
KEY, OTHER = b"k" * 32, b"o" * 32


def test_no_slot_is_vacuumed(engine: Engine) -> None:
    """A few deletes would have every page of a slot written into the WAL, just before all of it is truncated."""
    statement = text(
        """
        SELECT count(*) FROM pg_class AS slot JOIN pg_class AS toast ON toast.oid = slot.reltoastrelid
        WHERE slot.relname LIKE 'ciphertexts_%' AND slot.relkind = 'r'
          AND slot.reloptions @> '{autovacuum_enabled=false}'
          AND toast.reloptions @> '{autovacuum_enabled=false}'
        """
    )
    with engine.connect() as connection:
        assert connection.scalar(statement) == SLOTS


@pytest.mark.parametrize("rows", [10, 3 * ROWS_AT_ONCE])
def test_a_row_takes_a_page_and_is_not_cut_up(engine: Engine, rows: int) -> None:
    table = ciphertexts(5)
    with engine.connect() as connection:
        STORE.put(connection, 5, KEY, [os.urandom(rows * ROW_BYTES)])
        pages = connection.scalar(text(f"SELECT count(DISTINCT (ctid::text::point)[0]) FROM {table}"))
        toasted = text(
            f"SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = '{table}'::regclass"
        )
        assert (pages, connection.scalar(toasted)) == (rows, 0)
        connection.rollback()


@pytest.mark.parametrize("size", [200_000, 1_000_000])
def test_rows_are_read_in_the_order_of_their_index(app: Mayfly, size: int) -> None:
    """A slot has no statistics: PostgreSQL would rather sort what it holds, which is the whole image once more."""
    with app.shards.home.engine.connect() as connection:
        for number in range(20):
            STORE.put(connection, 6, bytes([number]) * 32, [os.urandom(size)])
        explain = text(f"EXPLAIN {STORE.query(6, bytes([3]) * 32, size)}")
        plan = " ".join(connection.scalars(explain))
        connection.execute(text(f"TRUNCATE {ciphertexts(6)}"))
        assert "Index Scan" in plan
        assert "Sort" not in plan
        assert "Seq Scan" not in plan


def test_a_row_of_an_earlier_version_holds_a_mebibyte(engine: Engine) -> None:
    """Images that lived when the server was upgraded are opened by it."""
    sealed = os.urandom(3_000_000)
    insert = text(f"INSERT INTO {ciphertexts(SLOT)} VALUES (:key, :part, :sealed)")
    with engine.connect() as connection:
        for part in range(3):
            field = sealed[part << 20 : (part + 1) << 20]
            connection.execute(insert, {"key": KEY, "part": part, "sealed": field})
        assert bytes(STORE.fetch(connection, SLOT, KEY, len(sealed))) == sealed
        connection.rollback()


def test_an_image_is_fetched_into_memory_once(engine: Engine) -> None:
    """Requests reserve memory for one copy."""
    sealed = os.urandom(10_000_000)
    with engine.connect() as connection:
        STORE.put(connection, SLOT, KEY, [sealed])
        tracemalloc.start()
        try:
            assert STORE.fetch(connection, SLOT, KEY, len(sealed)) == sealed
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        connection.rollback()
    assert most < 1.3 * len(sealed)


def test_nothing_is_kept_before_the_commit(engine: Engine) -> None:
    with engine.connect() as connection:
        with connection.begin() as transaction:
            STORE.put(connection, SLOT, KEY, [b"sealed"])
            transaction.rollback()
        with pytest.raises(CiphertextGone):
            STORE.fetch(connection, SLOT, KEY, 6)


def test_the_row_and_its_bytes_are_kept_together_or_not_at_all(app: Mayfly) -> None:
    along = b"UPDATE stored SET bytes = 5 WHERE slot = 3"
    counted = text("SELECT bytes FROM stored WHERE slot = 3")
    with app.shards.home.engine.connect() as connection:
        STORE.put(connection, SLOT, KEY, [b"sealed"], along)
        assert connection.scalar(counted) == 5
        for broken, statement in ((KEY, along.replace(b"5", b"6")), (OTHER, b"UPDATE nothing SET x = 1")):
            with pytest.raises(DBAPIError):  # the first is there already, the second has no such table
                STORE.put(connection, SLOT, broken, [b"other"], statement)
        assert connection.scalar(counted) == 5
        assert bytes(STORE.fetch(connection, SLOT, KEY, 6)) == b"sealed"
        with pytest.raises(CiphertextGone):
            STORE.fetch(connection, SLOT, OTHER, 6)
        STORE.delete(connection, SLOT, [KEY])


def test_a_slot_is_emptied_only_when_it_may_go(engine: Engine) -> None:
    with engine.connect() as connection, connection.begin() as transaction:
        STORE.put(connection, SLOT, KEY, [b"sealed"])
        assert STORE.filled(connection) == [SLOT]
        assert not STORE.empty(connection, SLOT, lambda: False)
        assert bytes(STORE.fetch(connection, SLOT, KEY, 6)) == b"sealed"
        assert STORE.empty(connection, SLOT, lambda: True)
        with pytest.raises(CiphertextGone):
            STORE.fetch(connection, SLOT, KEY, 6)
        assert STORE.filled(connection) == []
        transaction.rollback()


def test_a_slot_in_use_is_not_waited_for(engine: Engine) -> None:
    with engine.connect() as uploader, engine.connect() as purger, uploader.begin() as upload, purger.begin():
        STORE.put(uploader, SLOT, KEY, [b"sealed"])
        assert not STORE.empty(purger, SLOT, lambda: True)
        upload.rollback()


def test_emptying_writes_the_same_wal_whatever_is_in_the_slot(engine: Engine) -> None:
    """The cost of a purge doesn't grow with what it removes: measured in bytes of WAL."""
    written = {}
    for megabytes in (1, 20):
        with engine.begin() as connection:
            for number in range(megabytes):
                STORE.put(connection, SLOT, number.to_bytes(32, "big"), [os.urandom(1_000_000)])
        with engine.connect() as connection:
            before = connection.scalar(text("SELECT pg_current_wal_insert_lsn()"))
            assert STORE.empty(connection, SLOT, lambda: True)
            connection.commit()
            after = text("SELECT pg_current_wal_insert_lsn() - CAST(:before AS pg_lsn)")
            written[megabytes] = int(connection.execute(after, {"before": before}).scalar_one())
    assert written[20] < written[1] + 32_768
    assert written[20] < 200_000
