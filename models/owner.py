"""Accounts; in clear the database holds no name and no address."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, DateTime, Integer, LargeBinary, Uuid, column, func, select, table, text

from models.base import raw_cursor
from models.image import STORED_BYTES

OPEN_CATALOG = UUID(int=0)
"""The owner whose catalog everybody without an account shares, where the catalog is open."""


@dataclass(frozen=True)
class OwnerRow:
    """What the database knows of an account."""

    id: UUID
    login_tag: bytes
    email_tag: bytes
    account: bytes
    token_version: int
    created_at: datetime


class DeletedImage(NamedTuple):
    """What is left of an image whose row was deleted: where its sealed bytes are, and what it took in all."""

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
# A login that is under way has the row locked, and is left alone; whoever owns something keeps it, however that came.
# As an array they are chosen once; as a subquery of IN they may be chosen again, and more than so many.
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
# A row that stands for an owner whose account is in another database: no login leads to it, and its version is that of
# no token. A day after its last image it goes as an account that nobody uses.
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
    """Add an account under the first of its tags; None where any of them is taken, however many try at once."""
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
    """Find an account by the tags its login may be stored under."""
    found = connection.execute(_FIND.where(_TABLE.login_tag.in_(login_tags))).first()
    return None if found is None else OwnerRow(*found)


def find_owner(
    connection: Connection, row_id: UUID, version: int, expires_at: int | None = None
) -> OwnerRow | None:
    """Find an account by its id and the version of its tokens; None where one is gone, or ``expires_at`` is past."""
    statement = _FIND.where(_TABLE.id == row_id, _TABLE.token_version == version)
    if expires_at is not None:
        statement = statement.where(func.to_timestamp(expires_at) > func.statement_timestamp())
    found = connection.execute(statement).one_or_none()
    return None if found is None else OwnerRow(*found)


def owners_after(connection: Connection, row_id: UUID, limit: int) -> list[OwnerRow]:
    """List accounts in the order of their ids, the open catalog's owner not among them."""
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
    """Put another sealed account in the place of ``before``; False where somebody was faster."""
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
    """Lock an account until the transaction ends: uploads under way end first, others wait; False if it is gone."""
    statement = select(_TABLE.id).where(_TABLE.id == row_id).with_for_update()
    return connection.execute(statement).one_or_none() is not None


def owner_lives(connection: Connection, row_id: UUID) -> bool:
    """Tell whether there is an account of this id."""
    return connection.execute(select(_TABLE.id).where(_TABLE.id == row_id)).one_or_none() is not None


def owner_placeholder(connection: Connection, row_id: UUID) -> bytes:
    """Write the statement that has a row stand for an owner whose account is in another database."""
    with raw_cursor(connection) as cursor:
        return bytes(cursor.mogrify(_PLACEHOLDER, {"id": str(row_id), "tag": row_id.bytes}))


def delete_owner(connection: Connection, row_id: UUID) -> None:
    """Delete an account's row."""
    connection.execute(text("DELETE FROM owners WHERE id = :id"), {"id": row_id})


def mark_used(connection: Connection, row_id: UUID) -> None:
    """Note that an account was used today; a second time on a day writes nothing."""
    connection.execute(_MARK_USED, {"id": row_id})


def delete_unused(connection: Connection, seconds: int, rows: int) -> int:
    """Delete at most ``rows`` accounts older than that which were never used and own nothing; return how many went."""
    values = {"seconds": seconds, "rows": rows, "open": OPEN_CATALOG}
    return connection.execute(_DELETE_UNUSED, values).rowcount


def delete_images_of(connection: Connection, row_id: UUID) -> list[DeletedImage]:
    """Delete the rows of everything an owner has; return what is left of each."""
    found = connection.execute(_DELETE_IMAGES, {"id": row_id})
    return [
        DeletedImage(store, slot, expires_at, bytes(row_key), size)
        for store, slot, expires_at, row_key, size in found
    ]
