"""What the tables show of a service's state, for its operator."""

# ruff: noqa: S608 - what stands in statements is our own rule of life and formula of sizes

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from models.image import LIVING, STORED_BYTES
from models.owner import OPEN_CATALOG

RECENT_SECONDS = 60


@dataclass(frozen=True)
class StoredImages:
    """What the rows of all images show; sizes in bytes."""

    living: int
    stored_bytes: int
    """What all rows and their sealed bytes take, dead ones too, as MAX_STORED_BYTES counts them."""
    recent: int
    """Images that came within RECENT_SECONDS and are still stored."""


_IMAGES = text(
    f"""
    SELECT count(*) FILTER (WHERE {LIVING}), coalesce(sum({STORED_BYTES}), 0)::bigint,
        count(*) FILTER (WHERE created_at > statement_timestamp() - make_interval(secs => :recent))
    FROM images
    """
)
_ACCOUNTS = text("SELECT count(*) FROM owners WHERE id <> :open")


def stored_images(connection: Connection) -> StoredImages:
    """Look at the rows of all images, once each."""
    living, size, recent = connection.execute(_IMAGES, {"recent": RECENT_SECONDS}).one()
    return StoredImages(living, size, recent)


def count_accounts(connection: Connection) -> int:
    """Count the accounts."""
    return int(connection.execute(_ACCOUNTS, {"open": OPEN_CATALOG}).scalar_one())


def server_version(connection: Connection) -> str:
    """Tell the version of PostgreSQL."""
    return str(connection.execute(text("SHOW server_version")).scalar_one())
