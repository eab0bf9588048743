"""Accounts: the sealed part, and the part that other modules may read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID

from models import OwnerRow


@dataclass(frozen=True)
class Account:
    """The account of an authenticated client, without secrets."""

    id: UUID
    """The id under which its images are stored: ``images.owner_id``."""
    login: str = field(repr=False)
    email: str = field(repr=False)
    created_at: datetime
    token_version: int
    by_key: bool = False
    """Whether the client has used an API key, with which it may change neither the password nor API keys."""


@dataclass(frozen=True)
class Secrets:
    """The sealed part of an account's row."""

    login: str
    email: str
    password: str = field(repr=False)
    """The hash of the password."""

    def encode(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True)
class StoredAccount:
    """An account's row, and what was sealed in it."""

    row: OwnerRow
    secrets: Secrets

    def public(self) -> Account:
        """Return the account without its password hash."""
        row = self.row
        return Account(row.id, self.secrets.login, self.secrets.email, row.created_at, row.token_version)
