"""API keys of accounts: found by a keyed tag, named by sealed text."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, DateTime, ForeignKey, Index, LargeBinary, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Model


class ApiKey(Model):  # type: ignore[misc]
    """One row an API key; the key itself is shown once and stored nowhere."""

    __tablename__ = "api_keys"
    __table_args__ = (Index(None, "owner_id", "created_at"),)

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("owners.id", ondelete="CASCADE"))
    key_tag: Mapped[bytes] = mapped_column(LargeBinary, unique=True, index=True)
    name: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_on: Mapped[date | None] = mapped_column(Date)
    """The day on which it was last used, and never the time."""
