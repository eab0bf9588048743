"""Prepares an uploaded image: examines and describes it and draws its secrets, before anything is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from crypto import ImageKey, RowSeal, ServerKeys
from imaging import BrokenImage, Data, Limits, NotAnImage, Picture, TooManyPixels
from models import ImageRow
from services.allowance import once, turn
from services.counts import STEP_SECONDS
from services.details import Details, details_of
from services.errors import ImageBlocked
from services.examined import examined
from services.expensive import STRETCHES
from services.image_info import Receipt
from services.orders import Orders
from services.wishes import Wishes

SealedRow = tuple[ImageRow, Iterable[memoryview]]
"""A row, and its sealed bytes in pieces. Pieces are sealed during the iteration, and each iteration seals them
again."""
Draw = Callable[[], ImageKey]
"""Draws a new image key."""


class SentFile(NamedTuple):
    """The bytes of a file as they were sent, and the file name that came with them."""

    data: bytes | bytearray
    filename: str | None = None


@dataclass(frozen=True)
class Incoming:
    """One image of an upload; ``data`` is what will be stored."""

    data: Data
    picture: Picture
    details: Details
    image_key: ImageKey = field(repr=False)
    row_seal: RowSeal = field(repr=False)

    @property
    def row_key(self) -> bytes:
        """Its key in the database."""
        return self.image_key.link.row_key

    def sealed(self, store: str, slot: int, views: int | None, created_at: int, expires_at: int) -> SealedRow:
        """Seal the image; times are in seconds since 1970."""
        with STEP_SECONDS.timed("seal"):
            details, pieces = self.row_seal.seal(
                self.details.encode(), self.data, at=created_at, expires_at=expires_at
            )
        row = ImageRow(
            row_key=self.row_key,
            manage_tag=self.image_key.manage_tag,
            store=store,
            slot=slot,
            size=len(self.data),
            views_left=views,
            created_at=created_at,
            expires_at=expires_at,
            details=details,
        )
        return row, pieces

    def receipt(self, created_at: int, expires_at: int, wishes: Wishes) -> Receipt:
        """Return the uploader's receipt; times are in seconds since 1970."""
        dropped = self.picture.gain_map and not wishes.keep_metadata
        return Receipt(
            len(self.data),
            created_at,
            expires_at,
            wishes.views,
            self.details,
            self.image_key.text,
            self.image_key.link.text,
            ("gain_map",) if dropped else (),
        )


class ImagePreparer:
    """Prepares images to be stored. If a request has to wait and is run again, expensive results are reused
    (``once``)."""

    def __init__(self, server_keys: ServerKeys, limits: Limits, orders: Orders) -> None:
        self._server_keys = server_keys
        self._limits = limits
        self._orders = orders

    def prepare(self, sent: SentFile, wishes: Wishes, number: int, draw: Draw) -> Incoming:
        """Examine, clean and describe the ``number``-th image of an upload, and draw its image key by ``draw``.

        Raises ImageBlocked, Later, Overloaded, DatabaseAway and the errors of imaging.
        """
        self._orders.check_bytes(sent.data)
        secrets = once(("seal", number), lambda: self._new_seal(draw, wishes.password))
        picture, data = once(
            ("examined", number),
            lambda: examined(
                sent.data, self._limits, self._orders, number, keep_metadata=wishes.keep_metadata
            ),
        )
        details = details_of(data, picture, wishes, sent.filename)
        self._orders.check_digest(bytes.fromhex(details.sha256))
        return Incoming(data, picture, details, *secrets)

    def with_new_secrets(self, image: Incoming, wishes: Wishes, draw: Draw) -> Incoming:
        """Return an image with a new image key, before a client has got the old one; raises Later, Overloaded."""
        image_key, row_seal = self._new_seal(draw, wishes.password)
        return replace(image, image_key=image_key, row_seal=row_seal)

    def _new_seal(self, draw: Draw, password: str | None) -> tuple[ImageKey, RowSeal]:
        image_key = draw()
        with turn(STRETCHES) if password else nullcontext():
            return image_key, RowSeal.new(image_key.link, self._server_keys, password)


@contextmanager
def naming_image(number: int, count: int) -> Iterator[None]:
    """Add to the message of an error that the block raises which of ``count`` images was refused."""
    try:
        yield
    except (NotAnImage, BrokenImage, TooManyPixels, ImageBlocked) as error:
        if count > 1:
            error.args = (f"Image {number} of {count}: {error}", *error.args[1:])
        raise
