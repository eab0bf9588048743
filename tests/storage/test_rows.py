"""How the slots' tables are kept."""

from __future__ import annotations

from sqlalchemy import Engine, text

from models import SLOTS


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
