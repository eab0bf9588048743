"""Counts of stored images and accounts, for the operator."""

# ruff: noqa: S608 - the statements contain only our own rule of life and formula of sizes

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from models.image import LIVING, STORED_BYTES
from models.owner import OPEN_CATALOG

RECENT_SECONDS = 60


@dataclass(frozen=True)
class StoredImages:
    """Counts over the rows of all images; sizes are in bytes."""

    living: int
    stored_bytes: int
    """The size of all rows and their sealed bytes, expired ones included, as MAX_STORED_BYTES counts it."""
    recent: int
    """How many images were uploaded within the last RECENT_SECONDS and are still stored."""


_IMAGES = text(
    f"""
    SELECT count(*) FILTER (WHERE {LIVING}), coalesce(sum({STORED_BYTES}), 0)::bigint,
        count(*) FILTER (WHERE created_at > statement_timestamp() - make_interval(secs => :recent))
    FROM images
    """
)
_ACCOUNTS = text("SELECT count(*) FROM owners WHERE id <> :open")


def stored_images(connection: Connection) -> StoredImages:
    """Count the images; this reads the row of every image."""
    living, size, recent = connection.execute(_IMAGES, {"recent": RECENT_SECONDS}).one()
    return StoredImages(living, size, recent)


def count_accounts(connection: Connection) -> int:
    """Count the accounts."""
    return int(connection.execute(_ACCOUNTS, {"open": OPEN_CATALOG}).scalar_one())


def server_version(connection: Connection) -> str:
    """Return the version of PostgreSQL."""
    return str(connection.execute(text("SHOW server_version")).scalar_one())
