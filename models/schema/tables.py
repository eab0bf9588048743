"""The tables, as migrations are to leave them; what is asked of them stands beside this folder.

They are declared here once, and only what changes or checks a schema loads this: to serve, nothing of it is needed.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from models.ciphertext import LOGGED, SLOTS, UNLOGGED, ciphertexts
from models.image import ROW_COLUMNS

# Constraints have names, so that a migration can drop one that an earlier migration made.
NAMES = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}


class Base(DeclarativeBase):
    """The base of all models."""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)
Model: Any = db.Model


class Owner(Model):  # type: ignore[misc]
    """One row an account: found by keyed tags; login, address and password hash are sealed in ``account``."""

    __tablename__ = "owners"
    __table_args__ = (Index(None, "created_at", postgresql_where=text("used_on IS NULL")),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    login_tag: Mapped[bytes] = mapped_column(LargeBinary, unique=True, index=True)
    email_tag: Mapped[bytes] = mapped_column(LargeBinary, unique=True, index=True)
    account: Mapped[bytes] = mapped_column(LargeBinary)
    token_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_on: Mapped[date | None] = mapped_column(Date, server_default=text("CURRENT_DATE"))
    """The day of the last login; none until there was one. The default is for accounts that an older program adds."""


KINDS: dict[str, Any] = {
    "bytea": LargeBinary(),
    "varchar(8)": String(8),
    "smallint": SmallInteger(),
    "bigint": BigInteger(),
    "timestamptz": DateTime(timezone=True),
}
# One small row an image; its sealed bytes are where ``store`` and ``slot`` say.
Table(
    "images",
    Base.metadata,
    *(
        Column(name, KINDS[column["kind"]], nullable=column["nullable"], primary_key=name == "row_key")
        for name, column in ROW_COLUMNS.items()
    ),
    # When each view was used, sealed: crypto.seal_opening; empty where views are not limited.
    Column("opened", LargeBinary, nullable=False, server_default=text("''::bytea")),
    # What a Mayfly before migration 0006 counts for all clients together; this one does not use it.
    Column("guesses_until", DateTime(timezone=True)),
    Column("owner_id", Uuid, ForeignKey("owners.id", ondelete="CASCADE")),
    Column("owned_at", DateTime(timezone=True)),
    Column("owner_key", LargeBinary),
    Column("model_tag", LargeBinary),
    # Whose quota by address the image counts in: crypto.client_tag of the address that uploaded it.
    Column("client_tag", LargeBinary),
    CheckConstraint("octet_length(row_key) = 32 AND octet_length(manage_tag) = 32", name="key_lengths"),
    CheckConstraint("expires_at > created_at", name="lives"),
    Index(None, "slot", "expires_at"),
    Index(None, "owner_id", "owned_at", "row_key", postgresql_where=text("owner_id IS NOT NULL")),
    Index(None, "owner_id", "model_tag", "owned_at", postgresql_where=text("model_tag IS NOT NULL")),
    Index(None, "client_tag", "expires_at", postgresql_where=text("client_tag IS NOT NULL")),
)


class Stored(Model):  # type: ignore[misc]
    """The bytes reserved in a slot, and when the last image reserved there will have expired."""

    __tablename__ = "stored"

    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    bytes: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ApiKeyRow(Model):  # type: ignore[misc]
    """One row an API key, which is good while its account's tokens have the version of its making."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "owner_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    key_tag: Mapped[bytes] = mapped_column(LargeBinary, unique=True, index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    token_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_on: Mapped[date | None] = mapped_column(Date)
    """The day on which it was last used, in UTC, and never the time."""


class Guess(Model):  # type: ignore[misc]
    """Up to when one client's attempts at the password of one image, or at one login, are used up."""

    __tablename__ = "guesses"

    tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class LoginAttempt(Model):  # type: ignore[misc]
    """What a Mayfly before migration 0006 counts by login, for all clients together; this one does not use it."""

    __tablename__ = "login_attempts"

    login_tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class Operator(Model):  # type: ignore[misc]
    """The one row that each process looks at now and then."""

    __tablename__ = "operator"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    uploads_off_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    blocked_version: Mapped[int] = mapped_column(BigInteger)
    """Counts the changes of ``blocked``, so that a process reads that table anew only then."""


class Blocked(Model):  # type: ignore[misc]
    """The keyed tag of a digest that nobody may upload again; without the server key it tells nothing."""

    __tablename__ = "blocked"

    tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    blocked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Counted(Model):  # type: ignore[misc]
    """What lived of an address or an account when it was counted, and what came since: no less than lives."""

    __tablename__ = "counted"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """The client_tag, or the owner's id."""
    images: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    """From then on it is counted anew."""


class CrashMark(Model):  # type: ignore[misc]
    """One row, in an unlogged table."""

    __tablename__ = "crash_mark"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)


def _slot(name: str, ring: str) -> None:
    Table(
        name,
        Base.metadata,
        Column("row_key", LargeBinary, primary_key=True),
        Column("part", SmallInteger, primary_key=True, autoincrement=False),
        Column("sealed", LargeBinary, nullable=False),
        prefixes=["UNLOGGED"] if ring == UNLOGGED else [],
    )


for _ring in (LOGGED, UNLOGGED):
    for _number in range(SLOTS):
        _slot(ciphertexts(_number, _ring), _ring)


def columns() -> set[tuple[str, str]]:
    """Name each table with each of its columns."""
    return {(table.name, column.name) for table in Base.metadata.tables.values() for column in table.columns}
