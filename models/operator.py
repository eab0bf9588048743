"""What an operator has switched or blocked, for every process and every machine on one database."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Model


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
