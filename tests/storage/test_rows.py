"""How the slots' tables are kept."""

from __future__ import annotations

import os

from sqlalchemy import Engine, text

from app import Mayfly
from models import SLOTS, ciphertexts, db
from storage import RowStore
from storage.rows import ROW_BYTES


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


def test_a_row_takes_a_page_and_is_not_cut_up(engine: Engine) -> None:
    table = ciphertexts(5)
    with engine.connect() as connection:
        RowStore().put(connection, 5, b"k" * 32, [os.urandom(10 * ROW_BYTES)], b"SELECT 1")
        pages = connection.scalar(text(f"SELECT pg_relation_size('{table}') / 8192"))
        toasted = text(
            f"SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = '{table}'::regclass"
        )
        assert (pages, connection.scalar(toasted)) == (10, 0)
        connection.rollback()


def test_rows_are_read_in_the_order_of_their_index(app: Mayfly) -> None:
    """A slot has no statistics: PostgreSQL would rather sort what it holds, which is the whole image once more."""
    table = ciphertexts(6)
    with app.app_context(), db.engine.connect() as connection:
        for number in range(20):
            RowStore().put(connection, 6, bytes([number]) * 32, [os.urandom(200_000)], b"SELECT 1")
        rows = f"SELECT sealed FROM {table} WHERE row_key = '\\x{'03' * 32}' ORDER BY part"
        plan = " ".join(connection.scalars(text(f"EXPLAIN {rows}")))
        connection.execute(text(f"TRUNCATE {table}"))
        assert "Index Scan" in plan
        assert "Sort" not in plan
