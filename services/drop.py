from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlalchemy import Engine

from crypto import ImageKey, Link, MalformedSecret, OwnerSeal, RowSeal, ServerKeys
from imaging import Data, clean, prove, recognise
from models import ImageRow, Ownership, insertion, now, slot_of, time_left
from services.catalog import ownership_of
from services.conversion import Conversion
from services.database import statements, transaction
from services.errors import BadLifetime, ImageGone, NotByLooking, PasswordAsked
from services.room import Room
from services.shelf import Glance, Opened, Shelf, opened
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
        picture = recognise(data, self._limits.picture)
        image = data if wishes.keep_metadata else clean(data, picture)
        prove(image, picture, self._limits.picture)
        details = details_of(image, picture, wishes)
        image_key = ImageKey.new()
        link = image_key.link
        row_seal = RowSeal.new(link, self._server_keys, wishes.password)
        with statements(self._engine) as connection:
            created_at = now(connection)
        expires_at = created_at + lifetime
        slot = slot_of(expires_at, self._limits.max_lifetime)
        with self._room.reserved(slot, len(image), expires_at):
            sealed_details, pieces = row_seal.seal(
                details.encode(), image, at=created_at, expires_at=expires_at
            )
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
            with statements(self._engine) as connection:
                along = insertion(connection, row, ownership)
                self._store.put(connection, slot, row.row_key, pieces, along=along)
        return Receipt(image_key.text, link.text, row.size, created_at, expires_at, wishes.views, details)

    def _ownership(
        self, owner: UUID | None, image_key: ImageKey, wishes: Wishes, at: int
    ) -> Ownership | None:
        if owner is None:
            return None
        return ownership_of(OwnerSeal(self._server_keys), owner, image_key, wishes.model_id, at)

    def look(self, link_text: str) -> Opened:
        """Describe what a link would open, without opening it; raises ImageGone, DatabaseAway.

        Raises NotByLooking for an image that only a deliberate request may open.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find(connection, _link(link_text))
            if found.counts:
                raise NotByLooking(link_text)
            return Opened(found.row, self._shelf.unlock(connection, found, None)[1], None)

    def glance(self, link_text: str) -> Glance:
        """Tell what a link leads to without opening it and without counting; raises ImageGone, DatabaseAway."""
        with statements(self._engine) as connection:
            found = self._shelf.find(connection, _link(link_text))
            row, seconds_left = found.row, time_left(connection, found.row.expires_at)
        if seconds_left <= 0:
            raise ImageGone
        return Glance(row.size, int(row.expires_at), seconds_left, row.views_left, found.sealed.asks_password)

    def view(self, link_text: str) -> tuple[Opened, memoryview]:
        """Open an image that anybody who looks may open: one without a password or a limit of views.

        Raises ImageGone, NotByLooking, DatabaseAway, and Later where memory is short.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find_to_read(connection, _link(link_text))
            if found.counts:
                raise NotByLooking(link_text)
            return self._shelf.read(connection, found, None)

    def open(self, link_text: str, password: str | None) -> tuple[Opened, memoryview]:
        """Open an image on purpose: check the password, claim a view where they are limited, then read.

        Raises ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses, DatabaseAway, and Later where memory is short.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find_to_read(connection, _link(link_text))
            if found.row.views_left is None:
                return self._shelf.read(connection, found, password)
            keys, details = self._shelf.unlock(connection, found, password)
        views_left, sealed = self._shelf.claim(found)
        return Opened(found.row, details, views_left), opened(keys, sealed)

    def convert(self, opened: Opened, data: Data, conversion: Conversion) -> tuple[Opened, Data]:
        """Turn an opened image into another form or size; raises the errors of imaging."""
        if opened.details is None:
            raise PasswordAsked
        details, converted = conversion.apply(opened.details, data, self._limits.picture)
        return replace(opened, details=details), converted

    def describe(self, image_key_text: str, password: str | None) -> tuple[Opened, str]:
        """Describe an image, and tell its link; without its password, only what is no secret.

        Raises ImageGone, PasswordWrong, TooManyGuesses, DatabaseAway.
        """
        with statements(self._engine) as connection:
            image_key = _image_key(image_key_text)
            found = self._shelf.find_managed(connection, image_key)
            details = None
            if password or not found.sealed.asks_password:
                _, details = self._shelf.unlock(connection, found, password)
            return Opened(found.row, details, found.row.views_left), image_key.link.text

    def download(self, image_key_text: str, password: str | None) -> tuple[Opened, memoryview]:
        """Open an image for the holder of its image key, without counting a view.

        Raises ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses, DatabaseAway, and Later where memory is short.
        """
        with statements(self._engine) as connection:
            found = self._shelf.find_managed(connection, _image_key(image_key_text))
            return self._shelf.read(connection, found, password)

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
