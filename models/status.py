"""What the tables show of a service's state, for its operator."""

# ruff: noqa: S608 - what stands in statements is our own rule of life and formula of sizes

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from models.ciphertext import SLOTS
from models.image import LIVING, STORED_BYTES
from models.owner import OPEN_CATALOG

RECENT_SECONDS = 60


@dataclass(frozen=True)
class StoredImages:
    """What the rows of all images show; sizes in bytes, lag in seconds."""

    living: int
    stored_bytes: int
    """What all rows and their sealed bytes take, dead ones too, as MAX_STORED_BYTES counts them."""
    recent: int
    """Images that came within RECENT_SECONDS and are still stored."""
    row_lag: float
    """Since when the oldest dead row could have been purged; 0 where there is none."""


_IMAGES = text(
    f"""
    SELECT count(*) FILTER (WHERE {LIVING}), coalesce(sum({STORED_BYTES}), 0)::bigint,
        count(*) FILTER (WHERE created_at > statement_timestamp() - make_interval(secs => :recent)),
        greatest(extract(epoch FROM statement_timestamp() - min(expires_at))::float8, 0)
    FROM images
    """
)
_DEAD_SLOTS = text(
    f"""
    SELECT slot, extract(epoch FROM statement_timestamp())::float8 FROM unnest(CAST(:filled AS int[])) AS filled(slot)
    WHERE NOT EXISTS (SELECT FROM images WHERE images.slot = filled.slot AND {LIVING})
    """
)
_ACCOUNTS = text("SELECT count(*) FROM owners WHERE id <> :open")
_VERSIONS = text(
    "SELECT current_setting('server_version'), (SELECT string_agg(version_num, ' ') FROM alembic_version)"
)


def stored_images(connection: Connection) -> StoredImages:
    """Look at the rows of all images, once each."""
    living, size, recent, lag = connection.execute(_IMAGES, {"recent": RECENT_SECONDS}).one()
    return StoredImages(living, size, recent, lag or 0.0)


def slot_lag(connection: Connection, filled: list[int], span: int, spans_ahead: int) -> float:
    """Tell for how many seconds sealed bytes have waited to be purged from a slot in which nothing lives.

    ``filled`` are the slots that hold bytes, ``span`` is the seconds of one slot. A slot is left out where it may
    belong to one of the next ``spans_ahead`` spans: an upload may be on its way to it.
    """
    dead = connection.execute(_DEAD_SLOTS, {"filled": filled}).all()
    return max((_dead_for(slot, at, span, spans_ahead) for slot, at in dead), default=0.0)


def _dead_for(slot: int, at: float, span: int, spans_ahead: int) -> float:
    present = int(at) // span
    spans_ago = (present - slot) % SLOTS
    if spans_ago == 0 or SLOTS - spans_ago <= spans_ahead:
        return 0.0
    return at - (present - spans_ago + 1) * span


def count_accounts(connection: Connection) -> int:
    """Count the accounts."""
    return int(connection.execute(_ACCOUNTS, {"open": OPEN_CATALOG}).scalar_one())


def versions(connection: Connection) -> tuple[str, str]:
    """Tell the version of PostgreSQL, and the revision of the schema."""
    server, schema = connection.execute(_VERSIONS).one()
    return str(server), str(schema)
