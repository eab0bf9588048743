"""Deletes the rows of images whose sealed bytes were lost when PostgreSQL crashed, because their tables are unlogged.

PostgreSQL empties unlogged tables when it recovers from a crash; on a standby that becomes the primary they are empty,
too. The unlogged table ``crash_mark`` holds one row as a mark. If it is missing, there was a crash, and the rows of
lost images have not been deleted since.
"""

# ruff: noqa: S608 - the statements contain only names of tables and our own formula of sizes

from __future__ import annotations

from typing import Any

from psycopg2.errors import UndefinedTable

from models.base import PURGE_LOCK
from models.ciphertext import SLOTS, UNLOGGED, ciphertexts
from models.image import STORED_BYTES

_MARKED = "SELECT EXISTS (SELECT FROM crash_mark)"
_KEPT = " UNION ALL ".join(f"SELECT row_key FROM {ciphertexts(slot, UNLOGGED)}" for slot in range(SLOTS))
# One message, and so one transaction. Its last statement returns the number of deleted rows. Receipts stay: their
# sealed bytes were deleted with the last view. Images that were uploaded since the crash have their bytes, and stay.
# There is no time limit: another caller has to wait until all lost rows are deleted.
_FORGET = f"""
    SET LOCAL statement_timeout = 0;
    SELECT pg_advisory_xact_lock({PURGE_LOCK});
    INSERT INTO crash_mark VALUES (1) ON CONFLICT DO NOTHING;
    WITH kept AS ({_KEPT}), lost AS (
        DELETE FROM images
        WHERE store = 'unlogged' AND views_left IS DISTINCT FROM 0
          AND NOT EXISTS (SELECT FROM kept WHERE kept.row_key = images.row_key)
        RETURNING slot, {STORED_BYTES} AS freed
    ), given_back AS (
        UPDATE stored SET bytes = greatest(bytes - freed, 0)
        FROM (SELECT slot, sum(freed) AS freed FROM lost GROUP BY slot) AS by_slot
        WHERE stored.slot = by_slot.slot
    )
    SELECT count(*) FROM lost
"""


def forget_lost(cursor: Any) -> int:
    """Delete the rows of images whose sealed bytes a crash has removed; return how many were deleted.

    Without a crash since the last call this costs one query. ``cursor`` is psycopg2's and must not be in a transaction:
    in a database whose schema is too old to have the table, the query fails, and that would end the transaction.
    """
    try:
        cursor.execute(_MARKED)
    except UndefinedTable:
        return 0
    if cursor.fetchone()[0]:
        return 0
    cursor.execute(_FORGET)
    return int(cursor.fetchone()[0])
