from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from uuid import UUID

from sqlalchemy import Engine

from crypto import ImageKey, Link, MalformedSecret, OwnerSeal, RowSeal, ServerKeys
from imaging import TooManyPixels, examine
from models import ImageRow, Ownership, insertion, now, slot_of, time_left
from services.allowance import hold_answer, once, turn
from services.catalog import ownership_of
from services.conversion import Conversion
from services.database import statements, transaction
from services.dear import CONVERSIONS, PROOFS, STRETCHES
from services.errors import BadLifetime, ImageGone, NotByLooking
from services.room import Room
from services.shelf import Found, Glance, Opened, Shelf
from services.wishes import Limits, Receipt, Wishes, details_of
from storage import CiphertextStore


class Drop:
    """Deposits images, opens them by their links, and manages them by their image keys."""

    def __init__(
        self,
        engine: Engine,
        server_keys: ServerKeys,
        store: CiphertextStore,
        shelf: Shelf,
        room: Room,
        limits: Limits,
    ) -> None:
        self._engine = engine
        self._server_keys = server_keys
        self._store = store
        self._shelf = shelf
        self._room = room
        self._limits = limits

    def deposit(self, data: bytes | bytearray, wishes: Wishes, owner: UUID | None = None) -> Receipt:
        """Seal an image and store it, whole or not at all, in its owner's catalog if it has one.

        Raises BadLifetime, StorageFull, DatabaseAway, TokenRefused where the owner is gone, and the errors of
        imaging for what is no good image.
        """
        lifetime = self._limits.lifetime if wishes.lifetime is None else wishes.lifetime
        if lifetime > self._limits.max_lifetime:
            raise BadLifetime(self._limits.max_lifetime)
        image_key, row_seal = once("seal", lambda: self._new_seal(wishes.password))
        picture, image = examine(data, self._limits.picture, wishes.keep_metadata, turn=partial(turn, PROOFS))
        details = details_of(image, picture, wishes)
        link = image_key.link
        with statements(self._engine) as connection:
            created_at = now(connection)
        expires_at = created_at + lifetime
        slot = slot_of(expires_at, self._limits.max_lifetime)
        sealed_details, pieces = row_seal.seal(details.encode(), image, at=created_at, expires_at=expires_at)
        row = ImageRow(
            row_key=link.row_key,
            manage_tag=image_key.manage_tag,
            store=self._store.name,
            slot=slot,
            size=len(image),
            views_left=wishes.views,
            created_at=created_at,
            expires_at=expires_at,
            details=sealed_details,
        )
        ownership = self._ownership(owner, image_key, wishes, created_at)
        with self._room.reserved(slot, row.stored_bytes, expires_at), statements(self._engine) as connection:
            along = insertion(connection, row, ownership)
            self._store.put(connection, slot, row.row_key, pieces, along=along)
        told = image_key.text, link.text, row.size, created_at, expires_at, wishes.views, details
        return Receipt(*told, ("gain_map",) if picture.gain_map and not wishes.keep_metadata else ())

    def _new_seal(self, password: str | None) -> tuple[ImageKey, RowSeal]:
        image_key = ImageKey.new()
        with turn(STRETCHES) if password else nullcontext():
            return image_key, RowSeal.new(image_key.link, self._server_keys, password)

    def _ownership(
        self, owner: UUID | None, image_key: ImageKey, wishes: Wishes, at: int
    ) -> Ownership | None:
        if owner is None:
            return None
        return ownership_of(OwnerSeal(self._server_keys), owner, image_key, wishes.model_id, at)

    def look(self, link_text: str, conversion: Conversion | None = None) -> tuple[Opened, int | None]:
        """Describe what a link would open, without opening it, and tell its size unless only converting it would.

        Raises ImageGone, DatabaseAway, TooManyPixels, and NotByLooking for an image that only a deliberate request
        may open.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find(connection, _link(link_text))
        if found.counts:
            raise NotByLooking(link_text)
        _, details = self._shelf.unlock(found, None)
        if conversion is None or not conversion.changes(details):
            return Opened(found.row, details, None), found.row.size
        return Opened(found.row, conversion.promise(details, self._limits.picture), None), None

    def glance(self, link_text: str) -> Glance:
        """Tell what a link leads to without opening it and without counting; raises ImageGone, DatabaseAway."""
        with statements(self._engine) as connection:
            found = self._shelf.find(connection, _link(link_text))
            row, seconds_left = found.row, time_left(connection, found.row.expires_at)
        if seconds_left <= 0:
            raise ImageGone
        return Glance(row.size, int(row.expires_at), seconds_left, row.views_left, found.sealed.asks_password)

    def seconds_left(self, expires_at: float) -> float:
        """Return how long an image still lives, by the database's clock; raises DatabaseAway."""
        with statements(self._engine) as connection:
            return time_left(connection, expires_at)

    def view(self, link_text: str, conversion: Conversion | None = None) -> tuple[Opened, memoryview | bytes]:
        """Open an image that anybody who looks may open: one without a password or a limit of views.

        Raises ImageGone, NotByLooking, Later, Overloaded, DatabaseAway, and the errors of imaging for a conversion.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find_to_read(connection, _link(link_text))
            if found.counts:
                raise NotByLooking(link_text)
            if conversion is None:
                return self._shelf.read(connection, found)
        return self._read_dearly(found, None, conversion)

    def open(
        self, link_text: str, password: str | None, conversion: Conversion | None = None
    ) -> tuple[Opened, memoryview | bytes]:
        """Open an image on purpose: check the password, read, convert; then claim a view where they are limited.

        Raises ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses, Later, Overloaded, DatabaseAway, and the errors
        of imaging for a conversion. Whatever it raises has counted no view.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find_to_read(connection, _link(link_text))
            dear = found.sealed.asks_password or conversion is not None
            read = None if dear else self._shelf.read(connection, found)
        opened, data = read or self._read_dearly(found, password, conversion)
        if found.row.views_left is not None:
            # Last of all, since it can't be taken back: what was read and is not claimed is thrown away.
            opened = replace(opened, views_left=self._shelf.claim(found))
        return opened, data

    def _read_dearly(
        self, found: Found, password: str | None, conversion: Conversion | None
    ) -> tuple[Opened, memoryview | bytes]:
        """Read what has to be unlocked or converted, with no connection held meanwhile."""
        keys, details = self._shelf.unlock(found, password)
        if conversion is None or not conversion.changes(details):
            return Opened(found.row, details, None), self._shelf.read_unlocked(found, keys)
        conversion.promise(details, self._limits.picture)
        with turn(CONVERSIONS):
            data = self._shelf.read_unlocked(found, keys)
            told, converted = conversion.apply(details, data, self._limits.picture, self._hold_both(found))
        self._shelf.check_living(found)
        return Opened(found.row, told, None), converted

    def _hold_both(self, found: Found) -> Callable[[int], None]:
        """Ask for the memory of a converted image beside the one it is made of; more than there is, is refused."""

        def hold(size: int) -> None:
            if found.row.size + size > self._limits.bytes_in_flight:
                raise TooManyPixels(
                    "The image is too large in this form; ask for a smaller width or another format."
                )
            hold_answer(found.row.size + size)

        return hold

    def describe(self, image_key_text: str, password: str | None) -> tuple[Opened, str]:
        """Describe an image, and tell its link; without its password, only what is no secret.

        Raises ImageGone, PasswordWrong, TooManyGuesses, DatabaseAway.
        """
        image_key = _image_key(image_key_text)
        with statements(self._engine) as connection:
            found = self._shelf.find_managed(connection, image_key)
        details = None
        if password or not found.sealed.asks_password:
            _, details = self._shelf.unlock(found, password)
        return Opened(found.row, details, found.row.views_left), image_key.link.text

    def download(self, image_key_text: str, password: str | None) -> tuple[Opened, memoryview | bytes]:
        """Open an image for the holder of its image key, without counting a view.

        Raises ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses, Later, Overloaded, DatabaseAway.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find_managed(connection, _image_key(image_key_text))
            if not found.sealed.asks_password:
                return self._shelf.read(connection, found)
        opened, data = self._read_dearly(found, password, None)
        return replace(opened, views_left=found.row.views_left), data

    def delete(self, image_key_text: str) -> None:
        """End an image before its time, its sealed bytes too; raises ImageGone, DatabaseAway."""
        image_key = _image_key(image_key_text)
        with transaction(self._engine) as connection:
            found = self._shelf.find_managed(connection, image_key)
            self._shelf.remove(connection, found.row)


def _link(text: str) -> Link:
    try:
        return Link.parse(text)
    except MalformedSecret:
        raise ImageGone from None


def _image_key(text: str) -> ImageKey:
    try:
        return ImageKey.parse(text)
    except MalformedSecret:
        raise ImageGone from None
