"""API keys of accounts. The database finds a key by its keyed tag; the name and the digest of the key are sealed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Connection, Date, DateTime, Integer, LargeBinary, Uuid, column, select, table, text

from models.owner import OWNERS, OwnerRow


@dataclass(frozen=True)
class StoredKey:
    """The row of an API key. ``used_on`` is the UTC day of its last use, None before its first use."""

    id: UUID
    owner: UUID
    sealed: bytes
    created_at: datetime
    used_on: date | None


_KEY = table(
    "api_keys",
    column("id", Uuid),
    column("owner_id", Uuid),
    column("sealed", LargeBinary),
    column("token_version", Integer),
    column("created_at", DateTime(timezone=True)),
    column("used_on", Date),
).c
_OWNER = OWNERS.c
_STORED = select(_KEY.id, _KEY.owner_id, _KEY.sealed, _KEY.created_at, _KEY.used_on)
_TODAY = "(clock_timestamp() AT TIME ZONE 'UTC')::date"
# One statement finds the key and its account, and notes the day. It writes only on the first use of a day.
_USE = text(
    f"""
    WITH found AS (
        SELECT id, owner_id, token_version, sealed FROM api_keys WHERE key_tag = ANY(:tags)
    ), used AS (
        UPDATE api_keys SET used_on = {_TODAY} FROM found
        WHERE api_keys.id = found.id AND api_keys.used_on IS DISTINCT FROM {_TODAY}
    )
    SELECT found.sealed, owners.id, login_tag, email_tag, account, owners.token_version, owners.created_at
    FROM found JOIN owners ON owners.id = found.owner_id AND owners.token_version = found.token_version
    """  # noqa: S608
)
_INSERT = text(
    """
    INSERT INTO api_keys (id, owner_id, key_tag, sealed, token_version, created_at)
    VALUES (:id, :owner, :tag, :sealed, :version, clock_timestamp())
    RETURNING created_at
    """
)
_FORGET = text("DELETE FROM api_keys WHERE owner_id = :owner AND token_version <> :version")
_COUNT = text("SELECT count(*) FROM api_keys WHERE owner_id = :owner")
_DELETE = text("DELETE FROM api_keys WHERE id = :id AND owner_id = :owner AND token_version = :version")
_REPLACE = text("UPDATE api_keys SET sealed = :sealed, key_tag = :tag WHERE id = :id AND sealed = :before")


def use_key(connection: Connection, tags: list[bytes]) -> tuple[bytes, OwnerRow] | None:
    """Find an API key by its tags and note the day; return its sealed bytes and its account's row.

    None if no valid key has one of these tags.
    """
    found = connection.execute(_USE, {"tags": tags}).one_or_none()
    return None if found is None else (bytes(found[0]), OwnerRow(*found[1:]))


def lock_keys(connection: Connection, owner: UUID, version: int) -> int | None:
    """Lock an account's keys until the transaction ends, delete those of older token versions, and count the rest.

    None if the account is gone, or if its tokens have another version than ``version``.
    """
    mine = select(_OWNER.id).where(_OWNER.id == owner, _OWNER.token_version == version)
    if connection.execute(mine.with_for_update(key_share=True)).one_or_none() is None:
        return None
    connection.execute(_FORGET, {"owner": owner, "version": version})
    return int(connection.execute(_COUNT, {"owner": owner}).scalar_one())


def insert_key(
    connection: Connection, key_id: UUID, owner: UUID, version: int, tag: bytes, sealed: bytes
) -> datetime:
    """Add an API key; return its time of creation by the database's clock."""
    values = {"id": key_id, "owner": owner, "version": version, "tag": tag, "sealed": sealed}
    created_at: datetime = connection.execute(_INSERT, values).scalar_one()
    return created_at


def keys_of(connection: Connection, owner: UUID, version: int) -> list[StoredKey]:
    """List an account's API keys, the oldest first."""
    mine = _STORED.where(_KEY.owner_id == owner, _KEY.token_version == version)
    return [StoredKey(*found) for found in connection.execute(mine.order_by(_KEY.created_at, _KEY.id))]


def keys_after(connection: Connection, key_id: UUID, limit: int) -> list[StoredKey]:
    """List at most ``limit`` API keys of all accounts, in the order of their ids, that follow ``key_id``."""
    some = _STORED.where(_KEY.id > key_id).order_by(_KEY.id).limit(limit)
    return [StoredKey(*found) for found in connection.execute(some)]


def delete_key(connection: Connection, key_id: UUID, owner: UUID, version: int) -> bool:
    """Delete one of an account's API keys; False if the account has no key with this id."""
    values = {"id": key_id, "owner": owner, "version": version}
    return connection.execute(_DELETE, values).rowcount == 1


def replace_key(connection: Connection, before: StoredKey, tag: bytes, sealed: bytes) -> bool:
    """Replace the tag and the sealed bytes of a key; False if another transaction has changed the key meanwhile."""
    values = {"id": before.id, "before": before.sealed, "tag": tag, "sealed": sealed}
    return connection.execute(_REPLACE, values).rowcount == 1
