"""Accounts (owners). The database holds no login and no email address in clear text."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, DateTime, Integer, LargeBinary, Uuid, column, func, select, table, text

from models.base import raw_cursor
from models.image import STORED_BYTES

OPEN_CATALOG = UUID(int=0)
"""With OPEN_CATALOG, the owner of every image that is uploaded without an account."""


@dataclass(frozen=True)
class OwnerRow:
    """The row of an account. ``account`` is sealed: login, email address and password hash."""

    id: UUID
    login_tag: bytes
    email_tag: bytes
    account: bytes
    token_version: int
    created_at: datetime


class DeletedImage(NamedTuple):
    """An image whose row was deleted: where its sealed bytes still are, and how many bytes it took in all."""

    store: str
    slot: int
    expires_at: float
    row_key: bytes
    stored_bytes: int


OWNERS = table(
    "owners",
    column("id", Uuid),
    column("login_tag", LargeBinary),
    column("email_tag", LargeBinary),
    column("account", LargeBinary),
    column("token_version", Integer),
    column("created_at", DateTime(timezone=True)),
)
_TABLE = OWNERS.c
_FIND = select(*(_TABLE[field.name] for field in fields(OwnerRow)))
_INSERT = text(
    """
    INSERT INTO owners (id, login_tag, email_tag, account, token_version, created_at, used_on)
    SELECT :id, :login_tag, :email_tag, :account, 0, clock_timestamp(), NULL
    WHERE NOT EXISTS (
        SELECT FROM owners WHERE login_tag = ANY(:login_tags) OR email_tag = ANY(:email_tags)
    )
    ON CONFLICT DO NOTHING
    RETURNING created_at
    """
)
_REPLACE = text(
    """
    UPDATE owners SET account = :account, login_tag = :login_tag, email_tag = :email_tag,
        token_version = token_version + :ends_tokens
    WHERE id = :id AND account = :before
    """
)
_MARK_USED = text(
    "UPDATE owners SET used_on = CURRENT_DATE WHERE id = :id AND used_on IS DISTINCT FROM CURRENT_DATE"
)
# An account that logs in at this moment is locked, and is skipped. An account that owns an image is kept. The ids are
# an array, so that PostgreSQL chooses them once; it may run a subquery of IN several times, and delete more than :rows.
_DELETE_UNUSED = text(
    """
    DELETE FROM owners WHERE id = ANY(ARRAY(
        SELECT id FROM owners
        WHERE used_on IS NULL AND created_at < clock_timestamp() - make_interval(secs => :seconds) AND id <> :open
          AND NOT EXISTS (SELECT FROM images WHERE owner_id = owners.id)
        ORDER BY created_at LIMIT :rows FOR UPDATE SKIP LOCKED
    ))
    """
)
# A placeholder for an owner whose account is in another database, since images refer to a row of this table. No login
# finds it, and no token has its version. It is deleted like any unused account, a day after it was added or later.
_PLACEHOLDER = """
    INSERT INTO owners (id, login_tag, email_tag, account, token_version, created_at, used_on)
    VALUES (%(id)s, %(tag)s, %(tag)s, '', -1, clock_timestamp(), NULL) ON CONFLICT DO NOTHING;
    """
_DELETE_IMAGES = text(
    f"""
    DELETE FROM images WHERE owner_id = :id
    RETURNING store, slot, CAST(extract(epoch FROM expires_at) AS float8), row_key, {STORED_BYTES}
    """  # noqa: S608
)


def insert_owner(
    connection: Connection, row_id: UUID, account: bytes, login_tags: list[bytes], email_tags: list[bytes]
) -> datetime | None:
    """Add an account under the first of its tags; return its time of creation.

    None if another account has any of these tags, even if both are added at the same moment.
    """
    values = {
        "id": row_id,
        "account": account,
        "login_tag": login_tags[0],
        "email_tag": email_tags[0],
        "login_tags": login_tags,
        "email_tags": email_tags,
    }
    created_at: datetime | None = connection.execute(_INSERT, values).scalar_one_or_none()
    return created_at


def find_owner_by_login(connection: Connection, login_tags: list[bytes]) -> OwnerRow | None:
    """Find an account by the tags that its login may be stored under."""
    found = connection.execute(_FIND.where(_TABLE.login_tag.in_(login_tags))).first()
    return None if found is None else OwnerRow(*found)


def find_owner(
    connection: Connection, row_id: UUID, version: int, expires_at: int | None = None
) -> OwnerRow | None:
    """Find an account by its id and its token version; None if there is none, or if ``expires_at`` has passed.

    ``expires_at`` is a token's expiry in seconds since 1970.
    """
    statement = _FIND.where(_TABLE.id == row_id, _TABLE.token_version == version)
    if expires_at is not None:
        statement = statement.where(func.to_timestamp(expires_at) > func.statement_timestamp())
    found = connection.execute(statement).one_or_none()
    return None if found is None else OwnerRow(*found)


def owners_after(connection: Connection, row_id: UUID, limit: int) -> list[OwnerRow]:
    """List at most ``limit`` accounts that follow ``row_id``, in the order of their ids."""
    statement = _FIND.where(_TABLE.id > row_id).order_by(_TABLE.id).limit(limit)
    return [OwnerRow(*found) for found in connection.execute(statement)]


def replace_account(
    connection: Connection,
    before: OwnerRow,
    account: bytes,
    tags: tuple[bytes, bytes],
    *,
    ends_tokens: bool = False,
) -> bool:
    """Replace the sealed account and the tags of ``before``; False if another transaction has changed it meanwhile.

    ``tags`` are those of login and email address. ``ends_tokens`` makes all tokens and API keys invalid.
    """
    values = {
        "id": before.id,
        "before": before.account,
        "account": account,
        "login_tag": tags[0],
        "email_tag": tags[1],
        "ends_tokens": int(ends_tokens),
    }
    return connection.execute(_REPLACE, values).rowcount == 1


def lock_owner(connection: Connection, row_id: UUID) -> bool:
    """Lock an account until the transaction ends; False if it is gone.

    This waits for the account's uploads that have begun; later uploads wait for this transaction.
    """
    statement = select(_TABLE.id).where(_TABLE.id == row_id).with_for_update()
    return connection.execute(statement).one_or_none() is not None


def owner_lives(connection: Connection, row_id: UUID) -> bool:
    """Tell whether there is an account with this id."""
    return connection.execute(select(_TABLE.id).where(_TABLE.id == row_id)).one_or_none() is not None


def owner_placeholder(connection: Connection, row_id: UUID) -> bytes:
    """Write the statement that adds a placeholder row for an owner whose account is in another database."""
    with raw_cursor(connection) as cursor:
        return bytes(cursor.mogrify(_PLACEHOLDER, {"id": str(row_id), "tag": row_id.bytes}))


def delete_owner(connection: Connection, row_id: UUID) -> None:
    """Delete an account's row."""
    connection.execute(text("DELETE FROM owners WHERE id = :id"), {"id": row_id})


def mark_used(connection: Connection, row_id: UUID) -> None:
    """Note that an account was used today; the second call on the same day writes nothing."""
    connection.execute(_MARK_USED, {"id": row_id})


def delete_unused(connection: Connection, seconds: int, rows: int) -> int:
    """Delete at most ``rows`` accounts that are older than ``seconds``, were never used and own no image.

    Returns how many were deleted.
    """
    values = {"seconds": seconds, "rows": rows, "open": OPEN_CATALOG}
    return connection.execute(_DELETE_UNUSED, values).rowcount


def delete_images_of(connection: Connection, row_id: UUID) -> list[DeletedImage]:
    """Delete the rows of all images of an owner; the caller deletes the sealed bytes of the images returned."""
    found = connection.execute(_DELETE_IMAGES, {"id": row_id})
    return [
        DeletedImage(store, slot, expires_at, bytes(row_key), size)
        for store, slot, expires_at, row_key, size in found
    ]
