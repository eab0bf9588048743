"""API keys: how a script authenticates as an account without its password."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import Engine

from crypto import ApiKey, MalformedSecret, OwnerSeal, ServerKeys, Unopenable
from models import (
    StoredKey,
    delete_key,
    insert_key,
    keys_after,
    keys_of,
    lock_keys,
    now,
    replace_key,
    use_key,
)
from services.account import Account
from services.account_errors import KeyGone, TokenRefused, TooManyKeys
from services.accounts import Accounts
from services.database import autocommit, transaction

MOST_KEYS = 50
RENEWED_AT_ONCE = 100


@dataclass(frozen=True)
class KeyInfo:
    """What the owner of an API key may see of it."""

    id: UUID
    name: str | None
    """None if it can't be opened because its server key was removed; then the API key is not valid any more."""
    created_at: datetime
    used_on: date | None
    """The day of its last use in UTC, None before the first."""


class ApiKeys:
    """Makes, lists, revokes and authenticates API keys."""

    def __init__(self, engine: Engine, server_keys: ServerKeys, accounts: Accounts) -> None:
        self._engine = engine
        self._seal = OwnerSeal(server_keys)
        self._accounts = accounts

    def make(self, account: Account, name: str) -> tuple[KeyInfo, str]:
        """Make an API key for an account, and return what is stored of it and its text, which is shown only once.

        Raises TooManyKeys, TokenRefused if the account was deleted or its password changed, DatabaseAway.
        """
        api_key, key_id = ApiKey.new(), uuid4()
        owner, version = account.id, account.token_version
        with transaction(self._engine) as connection:
            others = lock_keys(connection, owner, version)
            if others is None:
                raise TokenRefused
            if others >= MOST_KEYS:
                raise TooManyKeys(MOST_KEYS)
            sealed = self._seal_key(owner, name, api_key.digest, int(now(connection)))
            tag = self._seal.api_key_tags(api_key.digest)[0]
            created_at = insert_key(connection, key_id, owner, version, tag, sealed)
        return KeyInfo(key_id, name, created_at, None), api_key.text

    def of(self, account: Account) -> list[KeyInfo]:
        """List an account's API keys, the oldest first; raises DatabaseAway."""
        with autocommit(self._engine) as connection:
            found = keys_of(connection, account.id, account.token_version)
        return [self._info(key) for key in found]

    def revoke(self, account: Account, key_id: UUID) -> None:
        """Delete an API key of an account, so that it is not valid any more; raises KeyGone, DatabaseAway."""
        with autocommit(self._engine) as connection:
            if not delete_key(connection, key_id, account.id, account.token_version):
                raise KeyGone

    @staticmethod
    def looks_like_key(text: str) -> bool:
        """Tell whether a text has the prefix of API keys."""
        return ApiKey.looks_like_key(text)

    def identify(self, text: str) -> Account:
        """Return the account of an API key, and note the day; raises TokenRefused if the key is not valid,
        DatabaseAway.

        The digest that is sealed in the row must be that of this key, under the seal of this account. So a row that
        somebody has copied to another account is refused.
        """
        try:
            digest = ApiKey.parse(text).digest
        except MalformedSecret:
            raise TokenRefused from None
        with autocommit(self._engine) as connection:
            found = use_key(connection, self._seal.api_key_tags(digest))
        opened = None if found is None else self._open(found[1].id, found[0])
        if found is None or opened is None or not hmac.compare_digest(opened[1], digest):
            raise TokenRefused
        return self._accounts.account_of(found[1])

    def renew(self) -> int:
        """Seal and tag all API keys under the newest server key, so that older keys can be removed; return how many.

        Raises DatabaseAway.
        """
        renewed, after = 0, UUID(int=0)
        with autocommit(self._engine) as connection:
            while rows := keys_after(connection, after, RENEWED_AT_ONCE):
                for row in rows:
                    opened = self._open(row.owner, row.sealed)
                    if opened is not None:
                        name, digest = opened
                        sealed = self._seal_key(row.owner, name, digest, int(now(connection)))
                        renewed += replace_key(connection, row, self._seal.api_key_tags(digest)[0], sealed)
                after = rows[-1].id
        return renewed

    def _info(self, key: StoredKey) -> KeyInfo:
        opened = self._open(key.owner, key.sealed)
        return KeyInfo(key.id, opened[0] if opened else None, key.created_at, key.used_on)

    def _seal_key(self, owner: UUID, name: str, digest: bytes, at: int) -> bytes:
        kept = {"name": name, "digest": digest.hex()}
        written = json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()
        return self._seal.seal_api_key(owner, written, at=at)

    def _open(self, owner: UUID, sealed: bytes) -> tuple[str, bytes] | None:
        """Return the name and the digest of an API key; None if they were changed, or sealed for another account."""
        try:
            kept = json.loads(self._seal.open_api_key(owner, sealed))
        except Unopenable:
            return None
        return kept["name"], bytes.fromhex(kept["digest"])
