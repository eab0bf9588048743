"""The tables. The statements that read and write them are in the modules of ``models``.

A process that serves does not load this module: only code that changes or checks the schema needs it.
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
    """One row for each account, found by keyed tags; login, email and password hash are sealed in ``account``."""

    __tablename__ = "owners"
    __table_args__ = (Index(None, "created_at", postgresql_where=text("used_on IS NULL")),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    login_tag: Mapped[bytes] = mapped_column(LargeBinary, unique=True, index=True)
    email_tag: Mapped[bytes] = mapped_column(LargeBinary, unique=True, index=True)
    account: Mapped[bytes] = mapped_column(LargeBinary)
    token_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_on: Mapped[date | None] = mapped_column(Date, server_default=text("CURRENT_DATE"))
    """The day of the last login, NULL before the first. The default is for accounts that an older program adds."""


KINDS: dict[str, Any] = {
    "bytea": LargeBinary(),
    "varchar(8)": String(8),
    "smallint": SmallInteger(),
    "bigint": BigInteger(),
    "timestamptz": DateTime(timezone=True),
}
# One small row for each image; ``store`` and ``slot`` say where its sealed bytes are.
Table(
    "images",
    Base.metadata,
    *(
        Column(name, KINDS[column["kind"]], nullable=column["nullable"], primary_key=name == "row_key")
        for name, column in ROW_COLUMNS.items()
    ),
    # The sealed times at which views were used (crypto.seal_opening), one after the other; empty if views are
    # unlimited.
    Column("opened", LargeBinary, nullable=False, server_default=text("''::bytea")),
    # Used only by a program from before migration 0006, which limits attempts by image, not by client.
    Column("guesses_until", DateTime(timezone=True)),
    Column("owner_id", Uuid, ForeignKey("owners.id", ondelete="CASCADE")),
    Column("owned_at", DateTime(timezone=True)),
    Column("owner_key", LargeBinary),
    Column("model_tag", LargeBinary),
    # The client whose quota the image counts in: crypto.client_tag of the address that uploaded it.
    Column("client_tag", LargeBinary),
    CheckConstraint("octet_length(row_key) = 32 AND octet_length(manage_tag) = 32", name="key_lengths"),
    CheckConstraint("expires_at > created_at", name="lives"),
    Index(None, "slot", "expires_at"),
    Index(None, "owner_id", "owned_at", "row_key", postgresql_where=text("owner_id IS NOT NULL")),
    Index(None, "owner_id", "model_tag", "owned_at", postgresql_where=text("model_tag IS NOT NULL")),
    Index(None, "client_tag", "expires_at", postgresql_where=text("client_tag IS NOT NULL")),
)


class Stored(Model):  # type: ignore[misc]
    """How many bytes are reserved in a slot, and when the last image that they were reserved for expires."""

    __tablename__ = "stored"

    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    bytes: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ApiKeyRow(Model):  # type: ignore[misc]
    """One row for each API key. A key is valid while ``token_version`` is that of its account."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "owner_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    key_tag: Mapped[bytes] = mapped_column(LargeBinary, unique=True, index=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    token_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_on: Mapped[date | None] = mapped_column(Date)
    """The day of its last use, in UTC; the time of day is not stored."""


class Guess(Model):  # type: ignore[misc]
    """The token bucket of one client's attempts at the password of one image, or at one login (models/attempts.py)."""

    __tablename__ = "guesses"

    tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class LoginAttempt(Model):  # type: ignore[misc]
    """Used only by a program from before migration 0006, which limits attempts by login, not by client."""

    __tablename__ = "login_attempts"

    login_tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)


class Operator(Model):  # type: ignore[misc]
    """One row with the operator's switch, which each process reads at most once a second."""

    __tablename__ = "operator"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    uploads_off_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    blocked_version: Mapped[int] = mapped_column(BigInteger)
    """Increased with each change of the table ``blocked``, so that a process reads that table only after a change."""


class Blocked(Model):  # type: ignore[misc]
    """The keyed tag of the SHA-256 of an image that is blocked. Without the server key the tag tells nothing."""

    __tablename__ = "blocked"

    tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    blocked_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Counted(Model):  # type: ignore[misc]
    """The kept count of a quota: what lived when it was counted, and what was uploaded since. It is never too low."""

    __tablename__ = "counted"
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)

    tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """The client_tag, or the owner's id."""
    images: Mapped[int] = mapped_column(BigInteger)
    bytes: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    """When the count becomes too old: then the rows are counted again."""


class CrashMark(Model):  # type: ignore[misc]
    """One row in an unlogged table: a crash of PostgreSQL removes it (models/crash.py)."""

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
    """Return all pairs of a table's name and the name of one of its columns."""
    return {(table.name, column.name) for table in Base.metadata.tables.values() for column in table.columns}
