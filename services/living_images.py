"""Finds living images by link or image key, and unlocks, opens and removes them."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection

from crypto import (
    ImageKey,
    Link,
    SealedDetails,
    SealKeys,
    ServerKeys,
    Unopenable,
    WrongPassword,
    client_tag,
    open_sealed,
    seal_opening,
    sealed_size,
)
from models import ImageRow, claim_guess, claim_view, delete_image, return_guess
from services.allowance import hold_answer, once, turn
from services.counts import GUESSES, STEP_SECONDS, VIEWS_CLAIMED
from services.database import autocommit, transaction
from services.details import Details
from services.errors import DatabaseAway, ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses
from services.expensive import STRETCHES
from services.image_info import ImageInfo, Receipt
from services.objects import NO_CONNECTION, StoresByName, delete_sealed, store_of
from services.quota import Quota
from services.shards import Shard, Shards
from storage import CiphertextGone, find_living

GUESSES_AT_ONCE = 5
GUESS_PAUSE_SECONDS = 10


@dataclass(frozen=True)
class Attempt:
    """A password that a client tries, and the client's address, by which attempts are limited."""

    password: str = field(repr=False)
    client: str


@dataclass(frozen=True)
class SealedImage:
    """A living image; its details are opened with the link, and may still be locked by a password."""

    shard: Shard
    """The shard where it was found."""
    row: ImageRow
    details: SealedDetails
    ciphertext: bytearray | None = None
    """The sealed bytes, if the query for the row has returned them, too."""

    @property
    def opens_by_post_only(self) -> bool:
        """Whether a GET must not open it, since link previews send one: it has limited views or a password."""
        return self.row.views_left is not None or self.details.asks_password

    def plain_details(self) -> Details | None:
        """Return the details, None if they are locked by a password; raises ImageGone."""
        return None if self.details.asks_password else self.unlocked(None)[1]

    def unlocked(self, password: str | None) -> tuple[SealKeys, Details]:
        """Stretch the password if there is one, and open the details with it; raises ImageGone, WrongPassword."""
        try:
            keys, details = self.details.open(password)
        except Unopenable:
            raise ImageGone from None
        return keys, Details.decode(details)

    def info(self, details: Details | None, views_left: int | None = None) -> ImageInfo:
        """Return what the holder of the link may know."""
        row = self.row
        return ImageInfo(row.size, int(row.created_at), int(row.expires_at), views_left, details)

    def receipt(
        self, image_key: ImageKey, details: Details | None, opened_at: tuple[int, ...] | None = None
    ) -> Receipt:
        """Return what the uploader may know."""
        info = self.info(details, self.row.views_left)
        return Receipt(**vars(info), image_key=image_key.text, link=image_key.link.text, opened_at=opened_at)


class LivingImages:
    """Finds and opens living images; whether an image lives is decided by the database's clock in the query."""

    def __init__(self, shards: Shards, server_keys: ServerKeys, stores: StoresByName, quota: Quota) -> None:
        self._shards = shards
        self._server_keys = server_keys
        self._stores = stores
        self._quota = quota

    @contextmanager
    def found(self, link: Link, bytes_up_to: int = 0) -> Iterator[tuple[Connection, SealedImage]]:
        """Find a living image and open its details with the link; yield the image and the connection that found it.

        The image comes with its sealed bytes if it has at most ``bytes_up_to`` bytes and its views are not limited.
        Raises ImageGone, and DatabaseAway if the image may be in a database that doesn't answer.
        """
        missing: ImageGone | DatabaseAway = ImageGone()
        for shard in self._shards.where(link.row_key):
            image = None
            try:
                with autocommit(shard.engine) as connection:
                    row, ciphertext = _find(connection, link, bytes_up_to)
                    image = self.open_row(shard, row, link, ciphertext)
                    yield connection, image
                    return
            except DatabaseAway as error:
                if image is not None:
                    raise
                missing = error
            except ImageGone:
                if image is not None:
                    raise
        raise missing

    def open_row(
        self, shard: Shard, row: ImageRow, link: Link, ciphertext: bytearray | None = None
    ) -> SealedImage:
        """Open the details in a living image's row with its link; raises ImageGone."""
        if not float(row.expires_at).is_integer():
            raise ImageGone  # somebody has changed the expiry: Mayfly writes whole seconds only
        try:
            details = SealedDetails.of(link, self._server_keys, int(row.expires_at), row.details)
        except Unopenable:
            raise ImageGone from None
        return SealedImage(shard, row, details, ciphertext)

    @contextmanager
    def managed(self, image_key: ImageKey) -> Iterator[tuple[Connection, SealedImage]]:
        """Find a living image by its image key, which the manage tag must confirm; otherwise as ``found``."""
        with self.found(image_key.link) as (connection, image):
            if not hmac.compare_digest(image.row.manage_tag, image_key.manage_tag):
                raise ImageGone
            yield connection, image

    def unlock(self, image: SealedImage, attempt: Attempt | None) -> tuple[SealKeys, Details]:
        """Open the details, with the password if the image has one; no connection is held while it is stretched.

        Raises PasswordAsked, PasswordWrong, Later, Overloaded, DatabaseAway, and TooManyGuesses if this client has
        tried this image's password too often, counted over all processes.
        """
        if not image.details.asks_password:
            return image.unlocked(None)
        if attempt is None:
            raise PasswordAsked
        return once(image.row.row_key, lambda: self._stretched(image, attempt))

    def _stretched(self, image: SealedImage, attempt: Attempt) -> tuple[SealKeys, Details]:
        tag = client_tag(self._server_keys, attempt.client, f"guesses/{image.row.row_key.hex()}")
        with turn(STRETCHES):
            # The token is taken before the attempt, so that requests at the same moment each need one.
            with autocommit(image.shard.engine) as connection:
                claimed = claim_guess(connection, tag, GUESS_PAUSE_SECONDS, GUESSES_AT_ONCE)
            if not claimed:
                raise TooManyGuesses(GUESS_PAUSE_SECONDS)
            try:
                with STEP_SECONDS.timed("stretch"):
                    unlocked = image.unlocked(attempt.password)
            except WrongPassword:
                GUESSES.add("image", "wrong")
                raise PasswordWrong from None
        GUESSES.add("image", "right")
        with autocommit(image.shard.engine) as connection:
            return_guess(connection, tag, GUESS_PAUSE_SECONDS)
        return unlocked

    def in_database(self, image: SealedImage) -> bool:
        """Tell whether the sealed bytes are in the database, as ``read`` needs them; raises StoreAway."""
        return store_of(self._stores, image.row.store).in_database

    def read(self, connection: Connection, image: SealedImage) -> tuple[ImageInfo, bytearray]:
        """Open an image that has no password and is in the database, without using a view.

        Raises ImageGone, Later, Overloaded.
        """
        hold_answer(image.row.size)
        keys, details = image.unlocked(None)
        return image.info(details), self._open_bytes(connection, image, keys)

    def read_unlocked(self, image: SealedImage, keys: SealKeys) -> bytearray:
        """Open the bytes of an unlocked image, from the database or the object store, without using a view.

        Raises ImageGone, DatabaseAway, StoreAway, Later, Overloaded.
        """
        hold_answer(image.row.size)
        if self.in_database(image):
            with autocommit(image.shard.engine) as connection:
                return self._open_bytes(connection, image, keys)
        data = self._open_bytes(NO_CONNECTION, image, keys)
        self.check_living(image)  # the object store may have been slow, and the image has expired meanwhile
        return data

    def _open_bytes(self, connection: Connection, image: SealedImage, keys: SealKeys) -> bytearray:
        row = image.row
        try:
            sealed = image.ciphertext or self._fetch(connection, row)
            with STEP_SECONDS.timed("open"):
                return open_sealed(keys.image, sealed)
        except (CiphertextGone, Unopenable):
            raise ImageGone from None

    def _fetch(self, connection: Connection, row: ImageRow) -> bytearray:
        store = store_of(self._stores, row.store)
        slot = store.slot(row.slot, row.expires_at)
        with STEP_SECONDS.timed("fetch"):
            return store.fetch(connection, slot, row.row_key, sealed_size(row.size))

    def check_living(self, image: SealedImage) -> None:
        """Raise ImageGone if the image does not live any more; call it after slow work. Raises DatabaseAway."""
        with autocommit(image.shard.engine) as connection:
            if find_living(connection, image.row.row_key, 0) is None:
                raise ImageGone

    def claim(self, image: SealedImage) -> int:
        """Use one view of an image that was already opened; return how many are left. Raises ImageGone, DatabaseAway.

        This commits before any byte is sent, and records the time of the opening. The last view removes the image; only
        the uploader's receipt is left.
        """
        row, shard = image.row, image.shard
        # Another process may have read the clock later: then created_at can be ahead of this process's time.
        moment = max(shard.clock.now(), int(row.created_at))
        opening = seal_opening(image.details.link, self._server_keys, int(row.expires_at), moment)
        with STEP_SECONDS.timed("claim"), transaction(shard.engine) as connection:
            left = claim_view(connection, row.row_key, opening)
            if left is None:
                raise ImageGone
            if left == 0:
                self._delete_sealed(connection, row)
                self._quota.give_back(connection, row.slot, row.content_bytes)
        VIEWS_CLAIMED.add()
        return left

    def remove(self, connection: Connection, row: ImageRow) -> None:
        """Remove an image before its expiry, in the caller's transaction; raises ImageGone if it is already gone."""
        freed = delete_image(connection, row)
        if freed is None:
            raise ImageGone
        self._delete_sealed(connection, row)
        self._quota.give_back(connection, row.slot, freed)

    def _delete_sealed(self, connection: Connection, row: ImageRow) -> None:
        delete_sealed(connection, self._stores, row.store, row.slot, [(row.expires_at, row.row_key)])


def _find(connection: Connection, link: Link, bytes_up_to: int) -> tuple[ImageRow, bytearray | None]:
    with STEP_SECONDS.timed("find"):
        found = find_living(connection, link.row_key, bytes_up_to)
    if found is None:
        raise ImageGone
    return found
