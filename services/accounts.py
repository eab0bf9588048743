from __future__ import annotations

import json
import unicodedata
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from uuid import UUID, uuid4

from sqlalchemy import Connection

from crypto import (
    BadToken,
    Claims,
    OwnerSeal,
    ServerKeys,
    Unopenable,
    WrongPassword,
    client_tag,
    hash_login_password,
    issue_token,
    read_token,
    verify_login_password,
)
from models import (
    OPEN_CATALOG,
    OwnerRow,
    claim_guess,
    delete_images_of,
    delete_owner,
    find_owner,
    find_owner_by_login,
    insert_owner,
    lock_owner,
    mark_used,
    now,
    owners_after,
    replace_account,
    return_guess,
    wait_for_purge_lock,
)
from services.account import Account, Secrets, StoredAccount
from services.account_errors import CurrentPasswordWrong, LoginRefused, NameTaken, TokenRefused, TooManyLogins
from services.allowance import turn
from services.counts import GUESSES
from services.database import autocommit, transaction
from services.expensive import STRETCHES
from services.objects import StoresByName, delete_sealed
from services.quota import Quota
from services.shards import Shard, Shards

TOKEN_SECONDS = 12 * 3600
ATTEMPTS_AT_ONCE = 5
ATTEMPT_PAUSE_SECONDS = 10
RENEWED_AT_ONCE = 100


class Accounts:
    """Registers accounts, logs them in, authenticates tokens, and deletes accounts with all their images.

    Accounts are in the home database. Any other database has a placeholder row for each owner with images in it.
    """

    def __init__(self, shards: Shards, server_keys: ServerKeys, stores: StoresByName, quota: Quota) -> None:
        self._shards = shards
        self._engine = shards.home.engine
        self._server_keys = server_keys
        self._seal = OwnerSeal(server_keys)
        self._stores = stores
        self._quota = quota

    def register(self, login: str, email: str, password: str) -> Account:
        """Make an account; raises NameTaken if the login or the email address has an account already.

        Of several requests for the same name at the same moment one succeeds. Raises Later, Overloaded, DatabaseAway.
        """
        with turn(STRETCHES):
            owner, secrets = uuid4(), Secrets(login, email, hash_login_password(password))
        login_tags, email_tags = self._tags(secrets)
        with autocommit(self._engine) as connection:
            account = self._seal.seal_account(owner, secrets.encode(), at=int(now(connection)))
            created_at = insert_owner(connection, owner, account, login_tags, email_tags)
        if created_at is None:
            raise NameTaken
        row = OwnerRow(owner, login_tags[0], email_tags[0], account, 0, created_at)
        return StoredAccount(row, secrets).public()

    def login(self, login: str, password: str, client: str) -> str:
        """Check a password and return a token; raises LoginRefused.

        A login without an account takes as long as a wrong password, so that a client can't find out which logins
        exist. Raises TooManyLogins if this client has tried this login too often, counted over all processes; Later,
        Overloaded, DatabaseAway.
        """
        tags = self._seal.login_tags(normalised(login))
        attempt = self._attempt(tags[0], client)
        with turn(STRETCHES):
            with autocommit(self._engine) as connection:
                row = find_owner_by_login(connection, tags)
                self._claim(connection, attempt)
            stored, fresh = _verified(None if row is None else self._open(row), password)
        with autocommit(self._engine) as connection:
            return_guess(connection, attempt, ATTEMPT_PAUSE_SECONDS)
            mark_used(connection, stored.row.id)
            # The hash was made with older costs, or the tag with an older server key: replace them.
            if fresh or stored.row.login_tag != tags[0]:
                self._replace(connection, stored, fresh or stored.secrets.password)
            return self._token(connection, stored.row.id, stored.row.token_version)

    def identify(self, token: str) -> Account:
        """Return the account of a token; raises TokenRefused if the token is not valid, DatabaseAway."""
        try:
            claims = read_token(self._server_keys, token)
        except BadToken:
            raise TokenRefused from None
        with autocommit(self._engine) as connection:
            row = find_owner(connection, claims.owner, claims.version, claims.expires_at)
        return self._open_or_refuse(row).public()

    def account_of(self, row: OwnerRow) -> Account:
        """Return the account of a row that was found by an API key; raises TokenRefused if the row can't be opened."""
        return replace(self._open_or_refuse(row).public(), by_key=True)

    def change_password(self, account: Account, current: str, new: str, client: str) -> str:
        """Change a password and return a new token; all other tokens and API keys of the account become invalid.

        Raises CurrentPasswordWrong, TooManyLogins, TokenRefused if the password was changed meanwhile, Later,
        Overloaded, DatabaseAway.
        """
        attempt = self._attempt(self._seal.login_tags(normalised(account.login))[0], client)
        with turn(STRETCHES):
            with autocommit(self._engine) as connection:
                stored = self._open_or_refuse(find_owner(connection, account.id, account.token_version))
                self._claim(connection, attempt)
            try:
                _verified(stored, current)
            except LoginRefused:
                raise CurrentPasswordWrong from None
            hashed = hash_login_password(new)
        with autocommit(self._engine) as connection:
            return_guess(connection, attempt, ATTEMPT_PAUSE_SECONDS)
            if not self._replace(connection, stored, hashed, ends_tokens=True):
                raise TokenRefused
            return self._token(connection, account.id, account.token_version + 1)

    def delete(self, owner: UUID) -> None:
        """Delete an account and all its images with their sealed bytes; raises TokenRefused, DatabaseAway.

        The images in other databases are deleted first, and the account only if all those databases have answered. Then
        the images in other databases are deleted once more, since an upload may have committed after the first time. An
        upload that commits even later finds no account and takes its images back (``ImageWriter``).
        """
        others = [shard for shard in self._shards.images if shard is not self._shards.home]
        for shard in others:
            self._delete_in(shard, owner)
        if not self._delete_in(self._shards.home, owner):
            raise TokenRefused
        for shard in others:
            self._delete_in(shard, owner)

    def _delete_in(self, shard: Shard, owner: UUID) -> bool:
        """Delete an owner and their images from one database; False if the owner has no row there."""
        with transaction(shard.engine) as connection:
            wait_for_purge_lock(connection)
            if not lock_owner(connection, owner):
                return False
            gone = sorted(delete_images_of(connection, owner))
            for (store, slot), images in groupby(gone, key=attrgetter("store", "slot")):
                of_slot = list(images)
                sealed = [(image.expires_at, image.row_key) for image in of_slot]
                delete_sealed(connection, self._stores, store, slot, sealed)
                self._quota.give_back(connection, slot, sum(image.stored_bytes for image in of_slot))
            delete_owner(connection, owner)
        return True

    def renew(self) -> int:
        """Seal and tag all accounts under the newest server key, so that older keys can be removed; return how many.

        Raises DatabaseAway.
        """
        renewed, after = 0, OPEN_CATALOG
        with autocommit(self._engine) as connection:
            while rows := owners_after(connection, after, RENEWED_AT_ONCE):
                found = filter(None, map(self._open, rows))
                renewed += sum(self._replace(connection, each, each.secrets.password) for each in found)
                after = rows[-1].id
        return renewed

    def _attempt(self, login_tag: bytes, client: str) -> bytes:
        return client_tag(self._server_keys, client, f"logins/{login_tag.hex()}")

    def _claim(self, connection: Connection, attempt: bytes) -> None:
        """Take a token for an attempt before the password is checked; raises TooManyLogins.

        If the token were taken afterwards, requests at the same moment could all be checked.
        """
        if not claim_guess(connection, attempt, ATTEMPT_PAUSE_SECONDS, ATTEMPTS_AT_ONCE):
            raise TooManyLogins(ATTEMPT_PAUSE_SECONDS)

    def _replace(
        self, connection: Connection, stored: StoredAccount, password: str, *, ends_tokens: bool = False
    ) -> bool:
        secrets = replace(stored.secrets, password=password)
        login_tags, email_tags = self._tags(secrets)
        sealed = self._seal.seal_account(stored.row.id, secrets.encode(), at=int(now(connection)))
        tags = login_tags[0], email_tags[0]
        return replace_account(connection, stored.row, sealed, tags, ends_tokens=ends_tokens)

    def _open_or_refuse(self, row: OwnerRow | None) -> StoredAccount:
        """Open an account's row; raises TokenRefused if there is none or if it can't be opened."""
        stored = None if row is None else self._open(row)
        if stored is None:
            raise TokenRefused
        return stored

    def _open(self, row: OwnerRow) -> StoredAccount | None:
        try:
            return StoredAccount(row, Secrets(**json.loads(self._seal.open_account(row.id, row.account))))
        except Unopenable:
            return None  # changed by somebody else, copied from another account, or sealed under a removed server key

    def _tags(self, secrets: Secrets) -> tuple[list[bytes], list[bytes]]:
        login, email = normalised(secrets.login), normalised(secrets.email)
        return self._seal.login_tags(login), self._seal.email_tags(email)

    def _token(self, connection: Connection, owner: UUID, version: int) -> str:
        at = int(now(connection))
        return issue_token(self._server_keys, Claims(owner, version, at + TOKEN_SECONDS), at=at)


def _verified(account: StoredAccount | None, password: str) -> tuple[StoredAccount, str | None]:
    """Check a password; return the account, and a new hash if the stored one was made with older costs.

    Without an account it takes as long, and raises LoginRefused as for a wrong password.
    """
    try:
        fresh = verify_login_password(account.secrets.password if account else None, password)
    except WrongPassword:
        account, fresh = None, None
    GUESSES.add("account", "wrong" if account is None else "right")
    if account is None:
        raise LoginRefused
    return account, fresh


def normalised(name: str) -> str:
    """Return the form in which logins and email addresses are compared: NFKC, case folded."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)  # case folding may leave decomposed characters
