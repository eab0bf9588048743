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
    """Registers owners, logs them in, tells whose a token is, and deletes them with everything they own.

    Accounts are in the home database. Another one has a row that stands for an owner while images of theirs are there.
    """

    def __init__(self, shards: Shards, server_keys: ServerKeys, stores: StoresByName, quota: Quota) -> None:
        self._shards = shards
        self._engine = shards.home.engine
        self._server_keys = server_keys
        self._seal = OwnerSeal(server_keys)
        self._stores = stores
        self._quota = quota

    def register(self, login: str, email: str, password: str) -> Account:
        """Make an account; raises NameTaken, also for all but one of several who ask for a name at the same moment.

        Raises Later, Overloaded, DatabaseAway.
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
        return StoredAccount(row, secrets).shown()

    def login(self, login: str, password: str, client: str) -> str:
        """Return a token; raises LoginRefused for a wrong login and a wrong password alike, and as slowly.

        Raises TooManyLogins, which counts what this client tried at this login, over all processes; Later, Overloaded,
        DatabaseAway.
        """
        tags = self._seal.login_tags(normalised(login))
        attempt = self._attempt(tags[0], client)
        with turn(STRETCHES):
            with autocommit(self._engine) as connection:
                row = find_owner_by_login(connection, tags)
                self._claim(connection, attempt)
            stored, fresh = _proved(None if row is None else self._open(row), password)
        with autocommit(self._engine) as connection:
            return_guess(connection, attempt, ATTEMPT_PAUSE_SECONDS)
            mark_used(connection, stored.row.id)
            # Made with older costs, or under an older server key?
            if fresh or stored.row.login_tag != tags[0]:
                self._replace(connection, stored, fresh or stored.secrets.password)
            return self._token(connection, stored.row.id, stored.row.token_version)

    def identify(self, token: str) -> Account:
        """Tell whose token it is; raises TokenRefused for one that is forged, expired, revoked, or of no account."""
        try:
            claims = read_token(self._server_keys, token)
        except BadToken:
            raise TokenRefused from None
        with autocommit(self._engine) as connection:
            row = find_owner(connection, claims.owner, claims.version, claims.expires_at)
        return self._opened(row).shown()

    def account_of(self, row: OwnerRow) -> Account:
        """Open an account that was found by an API key; raises TokenRefused where that can't be done."""
        return replace(self._opened(row).shown(), by_key=True)

    def change_password(self, account: Account, current: str, new: str, client: str) -> str:
        """Change a password, which ends every token and API key there is; return a new one.

        Raises CurrentPasswordWrong, TooManyLogins, TokenRefused where another change came first, Later, Overloaded,
        DatabaseAway.
        """
        attempt = self._attempt(self._seal.login_tags(normalised(account.login))[0], client)
        with turn(STRETCHES):
            with autocommit(self._engine) as connection:
                stored = self._opened(find_owner(connection, account.id, account.token_version))
                self._claim(connection, attempt)
            try:
                _proved(stored, current)
            except LoginRefused:
                raise CurrentPasswordWrong from None
            hashed = hash_login_password(new)
        with autocommit(self._engine) as connection:
            return_guess(connection, attempt, ATTEMPT_PAUSE_SECONDS)
            if not self._replace(connection, stored, hashed, ends_tokens=True):
                raise TokenRefused
            return self._token(connection, account.id, account.token_version + 1)

    def delete(self, owner: UUID) -> None:
        """Delete an account and everything it owns, sealed bytes too; raises TokenRefused, DatabaseAway.

        The images go first, and the account only when every database has answered. Then the others are gone through
        again: an upload that was under way may have come too late for the first time. One that comes later still finds
        no account (``Drop``).
        """
        others = [shard for shard in self._shards.images if shard is not self._shards.home]
        for shard in others:
            self._delete_in(shard, owner)
        if not self._delete_in(self._shards.home, owner):
            raise TokenRefused
        for shard in others:
            self._delete_in(shard, owner)

    def _delete_in(self, shard: Shard, owner: UUID) -> bool:
        """Delete what one database has of an owner; False where it doesn't know them."""
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
        """Seal and tag every account under the newest server key, so that an older one may go; return how many.

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
        """Claim an attempt before it is made, or several at a time would count as one; raises TooManyLogins."""
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

    def _opened(self, row: OwnerRow | None) -> StoredAccount:
        """Open the account of a token; raises TokenRefused where it is gone or can't be opened."""
        stored = None if row is None else self._open(row)
        if stored is None:
            raise TokenRefused
        return stored

    def _open(self, row: OwnerRow) -> StoredAccount | None:
        try:
            return StoredAccount(row, Secrets(**json.loads(self._seal.open_account(row.id, row.account))))
        except Unopenable:
            return None  # altered, moved, or sealed under a server key that is gone

    def _tags(self, secrets: Secrets) -> tuple[list[bytes], list[bytes]]:
        login, email = normalised(secrets.login), normalised(secrets.email)
        return self._seal.login_tags(login), self._seal.email_tags(email)

    def _token(self, connection: Connection, owner: UUID, version: int) -> str:
        at = int(now(connection))
        return issue_token(self._server_keys, Claims(owner, version, at + TOKEN_SECONDS), at=at)


def _proved(account: StoredAccount | None, password: str) -> tuple[StoredAccount, str | None]:
    """Check a password, which takes as long where there is no account; return a new hash too if one is due.

    Raises LoginRefused.
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
    """The form in which logins and addresses are compared, where upper and lower case are the same."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return unicodedata.normalize("NFKC", folded)  # folding may leave a character decomposed
