"""Receipts: what the holder of an image key may know of the image until its expiry, even if its views are used up."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection

from crypto import ImageKey, MalformedSecret, ServerKeys, Unopenable, open_openings
from models import ImageRow, KeptRow, kept_rows
from services.database import autocommit, transaction
from services.errors import DatabaseAway, ImageGone
from services.image_info import Receipt, Standing
from services.living_images import Attempt, LivingImages, SealedImage
from services.shards import Shard, Shards

FoundRows = dict[bytes, KeptRow]
"""Rows by their row keys."""


class Receipts:
    """Describes images to the holders of their image keys, and deletes images with their receipts."""

    def __init__(self, shards: Shards, server_keys: ServerKeys, images: LivingImages) -> None:
        self._shards = shards
        self._server_keys = server_keys
        self._images = images

    def describe(self, image_key_text: str, attempt: Attempt | None) -> Receipt:
        """Describe an image to its uploader; its details are left out if it has a password and ``attempt`` is None.

        Of an image without views left, only the times when it was opened remain, and they need no password. Raises
        ImageGone, PasswordWrong, TooManyGuesses, Later, Overloaded, DatabaseAway.
        """
        image_key = _image_key(image_key_text)
        row, image, opened_at = self._shards.search(
            image_key.link.row_key,
            lambda shard: self._verified(shard, image_key, _found_in(shard, [image_key])),
        )
        if image is None:
            times = int(row.created_at), int(row.expires_at)
            return Receipt(
                row.size, *times, 0, None, image_key.text, image_key.link.text, opened_at=opened_at
            )
        details = self._images.unlock(image, attempt)[1] if attempt else image.plain_details()
        return image.receipt(image_key, details, opened_at)

    def standings(self, image_key_texts: Sequence[str]) -> list[Standing | None]:
        """Return the states of images, in the order of their image keys, with one query for each database.

        None stands for a missing or expired image, and for a text that is no image key. Raises DatabaseAway.
        """
        keys = [_parsed(text) for text in image_key_texts]
        found = self._find_all([key for key in keys if key])
        return [found.get(key) if key else None for key in keys]

    def _find_all(self, image_keys: Sequence[ImageKey]) -> dict[ImageKey, Standing]:
        """Return the states of the images that have not expired; raises DatabaseAway."""
        asked: dict[Shard, list[ImageKey]] = {}
        for key in image_keys:
            for shard in self._shards.where(key.link.row_key):
                asked.setdefault(shard, []).append(key)
        standings: dict[ImageKey, Standing] = {}
        unknown: set[ImageKey] = set()
        for shard, keys in asked.items():
            try:
                found = _found_in(shard, keys)
            except DatabaseAway:
                unknown.update(keys)
                continue
            for key in keys:
                with suppress(ImageGone):
                    standings[key] = self._standing(shard, key, found)
        if not unknown <= standings.keys():
            raise DatabaseAway
        return standings

    def _standing(self, shard: Shard, image_key: ImageKey, found: FoundRows) -> Standing:
        row, _, opened_at = self._verified(shard, image_key, found)
        return Standing(found[row.row_key].seconds_left, row.views_left, opened_at)

    def delete(self, image_key_text: str) -> None:
        """Delete an image before its expiry, with its sealed bytes and its receipt; raises ImageGone, DatabaseAway."""
        image_key = _image_key(image_key_text)

        def remove(shard: Shard) -> None:
            with transaction(shard.engine) as connection:
                row, *_ = self._verified(shard, image_key, _find(connection, [image_key]))
                self._images.remove(connection, row)

        self._shards.search(image_key.link.row_key, remove)

    def _verified(
        self, shard: Shard, image_key: ImageKey, found: FoundRows
    ) -> tuple[ImageRow, SealedImage | None, tuple[int, ...] | None]:
        """Return the row of an image key, its image (None if its views are used up), and when it was opened.

        Raises ImageGone if there is no row, if the manage tag doesn't confirm the image key, or if somebody has changed
        the sealed bytes or the expiry.
        """
        link = image_key.link
        kept = found.get(link.row_key)
        if kept is None or not hmac.compare_digest(kept.row.manage_tag, image_key.manage_tag):
            raise ImageGone
        row = kept.row
        if not row.expires_at.is_integer():
            raise ImageGone  # somebody has changed the expiry: Mayfly writes whole seconds only
        try:
            opened_at = open_openings(link, self._server_keys, int(row.expires_at), kept.opened)
        except Unopenable:
            raise ImageGone from None
        image = None if row.views_left == 0 else self._images.open_row(shard, row, link)
        return row, image, None if row.views_left is None else opened_at


def _found_in(shard: Shard, image_keys: list[ImageKey]) -> FoundRows:
    with autocommit(shard.engine) as connection:
        return _find(connection, image_keys)


def _find(connection: Connection, image_keys: list[ImageKey]) -> FoundRows:
    found = kept_rows(connection, [key.link.row_key for key in image_keys])
    return {kept.row.row_key: kept for kept in found}


def _parsed(text: str) -> ImageKey | None:
    try:
        return ImageKey.parse(text)
    except MalformedSecret:
        return None


def _image_key(text: str) -> ImageKey:
    image_key = _parsed(text)
    if image_key is None:
        raise ImageGone
    return image_key
