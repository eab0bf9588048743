"""How often somebody tried a password: tags and times, and in clear neither a login, nor an image, nor an address."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Model


class Guess(Model):  # type: ignore[misc]
    """Up to when one client's attempts at the password of one image are used up."""

    __tablename__ = "guesses"

    tag: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    until: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
