"""Where living images stand: found by link or image key, unlocked, read, claimed and removed."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from crypto import (
    ImageKey,
    Link,
    SealedDetails,
    SealKeys,
    ServerKeys,
    Unopenable,
    WrongPassword,
    open_sealed,
    sealed_size,
)
from models import ImageRow, claim_guess, claim_view, delete_image, return_guess
from services.allowance import FREE_BYTES, hold_answer, once, turn
from services.database import statements, transaction
from services.dear import STRETCHES
from services.details import Details
from services.errors import ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses
from services.room import Room
from storage import CiphertextGone, CiphertextStore, find_living

GUESSES_AT_ONCE = 5
GUESS_PAUSE_SECONDS = 10


@dataclass(frozen=True)
class Found:
    """A living image whose details its link has opened as far as a link alone can."""

    row: ImageRow
    sealed: SealedDetails
    ciphertext: bytearray | None = None
    """The sealed bytes of the image itself, where they came along."""

    @property
    def counts(self) -> bool:
        """Whether only a deliberate request may open it."""
        return self.row.views_left is not None or self.sealed.asks_password


@dataclass(frozen=True)
class Opened:
    """An image's row and details; ``details`` is None where they need a password that was not given."""

    row: ImageRow
    details: Details | None
    views_left: int | None


@dataclass(frozen=True)
class Glance:
    """What the holder of a link may know of its image before a view counts."""

    size: int
    expires_at: int
    seconds_left: float
    views_left: int | None
    asks_password: bool


class Shelf:
    """Finds living images and reads them; every method asks the database's clock or works on a row that did."""

    def __init__(
        self, engine: Engine, server_keys: ServerKeys, stores: Mapping[str, CiphertextStore], room: Room
    ) -> None:
        self._engine = engine
        self._server_keys = server_keys
        self._stores = stores
        self._room = room

    def find(self, connection: Connection, link: Link) -> Found:
        """Find a living image and open its details as far as the link does; raises ImageGone."""
        return self._find(connection, link, 0)

    def find_to_read(self, connection: Connection, link: Link) -> Found:
        """As ``find``, with the sealed bytes along if the image is small and its views are not limited."""
        return self._find(connection, link, FREE_BYTES)

    def _find(self, connection: Connection, link: Link, most: int) -> Found:
        whole = find_living(connection, link.row_key, most)
        if whole is None:
            raise ImageGone
        row, ciphertext = whole
        return self.found(row, link, ciphertext)

    def found(self, row: ImageRow, link: Link, ciphertext: bytearray | None = None) -> Found:
        """Open the details of a living image's row as far as its link does; raises ImageGone."""
        if not float(row.expires_at).is_integer():
            raise ImageGone
        try:
            sealed = SealedDetails.of(link, self._server_keys, int(row.expires_at), row.details)
        except Unopenable:
            raise ImageGone from None
        return Found(row, sealed, ciphertext)

    def find_managed(self, connection: Connection, image_key: ImageKey) -> Found:
        """Find a living image by its image key, proved by the manage tag; raises ImageGone."""
        found = self.find(connection, image_key.link)
        if not hmac.compare_digest(found.row.manage_tag, image_key.manage_tag):
            raise ImageGone
        return found

    def unlock(self, found: Found, password: str | None) -> tuple[SealKeys, Details]:
        """Open the details, with the password where one is asked; no connection is held while it is stretched.

        Raises PasswordAsked, PasswordWrong, Later, Overloaded, and TooManyGuesses, which counts over all processes.
        """
        if not found.sealed.asks_password:
            return _decoded(found, None)
        if not password:
            raise PasswordAsked
        return once(found.row.row_key, lambda: self._stretched(found, password))

    def _stretched(self, found: Found, password: str) -> tuple[SealKeys, Details]:
        with turn(STRETCHES):
            # The attempt is claimed before it is made: many at once must not be many for one.
            with statements(self._engine) as connection:
                claimed = claim_guess(connection, found.row.row_key, GUESS_PAUSE_SECONDS, GUESSES_AT_ONCE)
            if not claimed:
                raise TooManyGuesses(GUESS_PAUSE_SECONDS)
            try:
                unlocked = _decoded(found, password)
            except WrongPassword:
                raise PasswordWrong from None
        with statements(self._engine) as connection:
            return_guess(connection, found.row.row_key, GUESS_PAUSE_SECONDS)
        return unlocked

    def read(self, connection: Connection, found: Found) -> tuple[Opened, memoryview]:
        """Open an image without a password, without counting a view.

        Raises ImageGone, Later, Overloaded.
        """
        hold_answer(found.row.size)
        keys, details = _decoded(found, None)
        return Opened(found.row, details, found.row.views_left), self._opened(connection, found, keys)

    def read_unlocked(self, found: Found, keys: SealKeys) -> memoryview:
        """Open the bytes of an image that was unlocked, without counting a view; as ``read``."""
        hold_answer(found.row.size)
        with statements(self._engine) as connection:
            return self._opened(connection, found, keys)

    def _opened(self, connection: Connection, found: Found, keys: SealKeys) -> memoryview:
        row = found.row
        try:
            sealed = found.ciphertext or self._stores[row.store].fetch(
                connection, row.slot, row.row_key, sealed_size(row.size)
            )
            return open_sealed(keys.image, sealed)
        except (CiphertextGone, Unopenable):
            raise ImageGone from None

    def check_living(self, found: Found) -> None:
        """See that an image still lives whose answer took long to make; raises ImageGone."""
        with statements(self._engine) as connection:
            if find_living(connection, found.row.row_key, 0) is None:
                raise ImageGone

    def claim(self, found: Found) -> int:
        """Claim a view of an image that was read already, and tell how many are left; raises ImageGone.

        The claim is committed before a byte can leave. The last one removes the image.
        """
        with transaction(self._engine) as connection:
            row = claim_view(connection, found.row.row_key)
            if row is None or row.views_left is None:
                raise ImageGone
            if row.views_left == 0:
                self.remove(connection, row)
        return row.views_left

    def remove(self, connection: Connection, row: ImageRow) -> None:
        """Remove an image before its time, in the caller's transaction; raises ImageGone where it is gone already."""
        if not delete_image(connection, row.row_key):
            raise ImageGone
        self._stores[row.store].delete(connection, row.slot, [row.row_key])
        self._room.give_back(connection, row.slot, row.stored_bytes)


def _decoded(found: Found, password: str | None) -> tuple[SealKeys, Details]:
    try:
        keys, details = found.sealed.open(password)
    except Unopenable:
        raise ImageGone from None
    return keys, Details.decode(details)
