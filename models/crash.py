"""Images whose sealed bytes were in unlogged tables when PostgreSQL crashed: what is left of them goes.

PostgreSQL empties unlogged tables when it recovers from a crash, and a standby finds them empty when it becomes the
primary. One of them holds a mark: while that is missing, nobody has looked since.
"""

# ruff: noqa: S608 - what stands in statements is names of tables and our own formula of sizes

from __future__ import annotations

from typing import Any

from psycopg2.errors import UndefinedTable

from models.base import PURGE_LOCK
from models.ciphertext import SLOTS, UNLOGGED, ciphertexts
from models.image import STORED_BYTES

_MARKED = "SELECT EXISTS (SELECT FROM crash_mark)"
_KEPT = " UNION ALL ".join(f"SELECT row_key FROM {ciphertexts(slot, UNLOGGED)}" for slot in range(SLOTS))
# One message, which is one transaction; its last statement tells how many. Receipts stay: their bytes went with the
# last view. What was uploaded since the crash has its bytes, and stays too. However many it is, others wait for it.
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
    """Delete the rows of images whose bytes a crash has ended, by a cursor of psycopg2; return how many went.

    Where no crash was since the last call, it is one question. A database without the table has no such images; since
    asking there ends a transaction, there must be none.
    """
    try:
        cursor.execute(_MARKED)
    except UndefinedTable:
        return 0
    if cursor.fetchone()[0]:
        return 0
    cursor.execute(_FORGET)
    return int(cursor.fetchone()[0])
