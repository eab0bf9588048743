from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from uuid import UUID

from crypto import ImageKey, Link, MalformedSecret, OwnerSeal, ServerKeys
from imaging import TooManyPixels
from models import Ownership, slot_of, time_left
from services.allowance import SMALL_BYTES, hold_answer, turn
from services.catalog import ownership_of
from services.conversion import Conversion
from services.counts import STEP_SECONDS
from services.database import autocommit
from services.errors import (
    BadLifetime,
    ClientQuotaReached,
    DatabaseAway,
    ImageGone,
    OpensByPostOnly,
    OwnerQuotaReached,
    StorageFull,
)
from services.expensive import CONVERSIONS
from services.image_info import ImageInfo, Receipt
from services.image_writer import Batch, ImageWriter
from services.incoming import ImagePreparer, Incoming, SentFile, naming_image
from services.limits import DropLimits
from services.living_images import Attempt, LivingImages, SealedImage
from services.orders import Orders
from services.shards import Shard, Shards
from services.uploader import Uploader
from services.wishes import Wishes

NO_ROOM = (StorageFull, ClientQuotaReached, OwnerQuotaReached)
"""Errors after which an upload tries another shard, since each shard counts its own storage and quotas."""


class Drop:
    """Deposits images, opens them by their links, and hands them to the holders of their image keys."""

    def __init__(
        self,
        shards: Shards,
        server_keys: ServerKeys,
        images: LivingImages,
        writer: ImageWriter,
        limits: DropLimits,
        orders: Orders,
    ) -> None:
        self._shards = shards
        self._orders = orders
        self._server_keys = server_keys
        self._images = images
        self._writer = writer
        self._limits = limits
        self._preparer = ImagePreparer(server_keys, limits.picture, orders)

    def deposit(self, data: bytes | bytearray, wishes: Wishes, uploader: Uploader) -> Receipt:
        """Seal and store one image, as ``deposit_all`` does."""
        return self.deposit_all([SentFile(data)], wishes, uploader)[0]

    def deposit_all(self, files: Sequence[SentFile], wishes: Wishes, uploader: Uploader) -> list[Receipt]:
        """Seal images and store all of them or none; return a receipt for each.

        All go to the same shard. If it goes away or has no room, the other shards are tried, with new secrets. Raises
        BadLifetime, UploadsOff, ImageBlocked, StorageFull, ClientQuotaReached, OwnerQuotaReached, DatabaseAway,
        StoreAway, TokenRefused if the owner was deleted, Later, Overloaded, and the errors of imaging for a file that
        is no valid image.
        """
        self._orders.check_uploads()
        lifetime = self._limits.lifetime if wishes.lifetime is None else wishes.lifetime
        if lifetime > self._limits.max_lifetime:
            raise BadLifetime(self._limits.max_lifetime)
        images: list[Incoming] = []
        draw = self._shards.draw
        for number, file in enumerate(files, 1):
            with naming_image(number, len(files)):
                images.append(self._preparer.prepare(file, wishes, number, draw))
            shard = self._shards.of(images[0].row_key)
            draw = partial(self._shards.draw, [shard])
        tried = []
        while True:
            try:
                return self._deposit_on(shard, images, lifetime, wishes, uploader)
            except (DatabaseAway, *NO_ROOM):
                tried.append(shard)
                other = next(self._shards.others(tried), None)
                if other is None:
                    raise
            shard, draw = other, partial(self._shards.draw, [other])
            images = [self._preparer.with_new_secrets(image, wishes, draw) for image in images]

    def _deposit_on(
        self, shard: Shard, images: list[Incoming], lifetime: int, wishes: Wishes, uploader: Uploader
    ) -> list[Receipt]:
        created_at = shard.clock.now()
        expires_at = created_at + lifetime
        # All have the same expiry and so the same slot, so one transaction can store all rows and sealed bytes. Sealed
        # bytes of large images may go to an object store before that.
        slot = slot_of(expires_at, self._limits.max_lifetime)
        rows = [
            image.sealed(self._writer.store_for(image), slot, wishes.views, created_at, expires_at)
            for image in images
        ]
        owned = self._ownerships(uploader.owner, images, wishes, created_at)
        with STEP_SECONDS.timed("store"):
            self._writer.store(shard, Batch(rows, owned, lifetime, uploader))
        return [image.receipt(created_at, expires_at, wishes) for image in images]

    def _ownerships(
        self, owner: UUID | None, images: list[Incoming], wishes: Wishes, at: int
    ) -> list[Ownership | None]:
        if owner is None:
            return [None] * len(images)
        seal = OwnerSeal(self._server_keys)
        return [ownership_of(seal, owner, image.image_key, wishes.model_id, at) for image in images]

    def look(self, link_text: str, conversion: Conversion | None = None) -> tuple[ImageInfo, int | None]:
        """Describe what a GET of a link would answer, and its length in bytes, for HEAD.

        The length is None if only a conversion can tell it. Raises ImageGone, DatabaseAway, TooManyPixels,
        FormNotMade, OpensByPostOnly.
        """
        with self._images.found(_link(link_text)) as (_, image):
            pass
        if image.opens_by_post_only:
            raise OpensByPostOnly(link_text)
        _, details = self._images.unlock(image, None)
        if conversion is None or not conversion.changes(details):
            return image.info(details), image.row.size
        return image.info(conversion.promise(details, self._limits.picture)), None

    def glance(self, link_text: str) -> tuple[ImageInfo, float]:
        """Describe the image of a link and return how many seconds it still lives, without opening it or using a view.

        Raises ImageGone, DatabaseAway.
        """
        with self._images.found(_link(link_text)) as (connection, image):
            seconds_left = time_left(connection, image.row.expires_at)
        if seconds_left <= 0:
            raise ImageGone
        return image.info(image.plain_details(), image.row.views_left), seconds_left

    def seconds_left(self, expires_at: float) -> float:
        """Return how many seconds are left until ``expires_at``, by the database's clock; raises DatabaseAway.

        It is not known here which shard the image is in, so of several clocks the one that is furthest ahead counts.
        """

        def left(shard: Shard) -> float:
            with autocommit(shard.engine) as connection:
                return time_left(connection, expires_at)

        return min(self._shards.each(left).values())

    def view(
        self, link_text: str, conversion: Conversion | None = None
    ) -> tuple[ImageInfo, bytearray | bytes]:
        """Open an image by GET, which is allowed if it has neither a password nor a limit of views.

        Raises ImageGone, OpensByPostOnly, FormNotMade, Later, Overloaded, DatabaseAway, StoreAway, and the errors of
        imaging for a conversion.
        """
        with self._images.found(_link(link_text), SMALL_BYTES) as (connection, image):
            if image.opens_by_post_only:
                raise OpensByPostOnly(link_text)
            if conversion is None and self._images.in_database(image):
                return self._images.read(connection, image)
        return self._read_in_steps(image, None, conversion)

    def open(
        self, link_text: str, attempt: Attempt | None, conversion: Conversion | None = None
    ) -> tuple[ImageInfo, bytearray | bytes]:
        """Open an image by POST: check the password, read, convert, and last use a view if views are limited.

        Raises ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses, FormNotMade, Later, Overloaded, DatabaseAway,
        StoreAway, and the errors of imaging for a conversion. If it raises an error, no view was used.
        """
        with self._images.found(_link(link_text), SMALL_BYTES) as (connection, image):
            simple = (
                not image.details.asks_password and conversion is None and self._images.in_database(image)
            )
            read = self._images.read(connection, image) if simple else None
        info, data = read or self._read_in_steps(image, attempt, conversion)
        if image.row.views_left is not None:
            # The view is claimed last, since a claim can't be undone. If none is left, the opened bytes are discarded.
            info = replace(info, views_left=self._images.claim(image))
        return info, data

    def _read_in_steps(
        self, image: SealedImage, attempt: Attempt | None, conversion: Conversion | None
    ) -> tuple[ImageInfo, bytearray | bytes]:
        """Open an image that needs a password, a conversion or the object store; no connection is held meanwhile."""
        keys, details = self._images.unlock(image, attempt)
        if conversion is None or not conversion.changes(details):
            return image.info(details), self._images.read_unlocked(image, keys)
        conversion.promise(details, self._limits.picture)
        with turn(CONVERSIONS):
            data = self._images.read_unlocked(image, keys)
            with STEP_SECONDS.timed("convert"):
                told, converted = conversion.apply(
                    details, data, self._limits.picture, self._hold_both(image)
                )
        self._images.check_living(image)
        return image.info(told), converted

    def _hold_both(self, image: SealedImage) -> Callable[[int], None]:
        """Return a function that holds memory for a converted image of so many bytes beside that of the original.

        It raises TooManyPixels if both together are more than a process may hold, Later and Overloaded.
        """

        def hold(size: int) -> None:
            if image.row.size + size > self._limits.bytes_in_flight:
                raise TooManyPixels(
                    "The image is too large in this form; ask for a smaller width or another format."
                )
            hold_answer(image.row.size + size)

        return hold

    def download(self, image_key_text: str, attempt: Attempt | None) -> tuple[ImageInfo, bytearray | bytes]:
        """Open an image for the holder of its image key, without using a view.

        Raises ImageGone, PasswordAsked, PasswordWrong, TooManyGuesses, Later, Overloaded, DatabaseAway, StoreAway.
        """
        with self._images.managed(_image_key(image_key_text)) as (connection, image):
            simple = not image.details.asks_password and self._images.in_database(image)
            read = self._images.read(connection, image) if simple else None
        info, data = read or self._read_in_steps(image, attempt, None)
        return replace(info, views_left=image.row.views_left), data


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
