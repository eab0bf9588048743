"""An account: what is sealed of it, and what others may know."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from models import OwnerRow


@dataclass(frozen=True)
class Account:
    """An account that somebody has shown to be theirs, by its password or a token."""

    id: UUID
    """The owner of its images."""
    login: str = field(repr=False)
    email: str = field(repr=False)
    created_at: datetime
    token_version: int
    by_key: bool = False
    """Whether it was shown by an API key, which is not good for passwords and keys."""


@dataclass(frozen=True)
class Secrets:
    """What is sealed in the database about the owner of an account."""

    login: str
    email: str
    password: str = field(repr=False)
    """The hash of the password."""

    def encode(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class StoredAccount:
    """An account as the database has it, and what was sealed in it."""

    row: OwnerRow
    secrets: Secrets

    def shown(self) -> Account:
        """Return what others than this module may know of it."""
        row = self.row
        return Account(row.id, self.secrets.login, self.secrets.email, row.created_at, row.token_version)
