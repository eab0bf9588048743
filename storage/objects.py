"""Sealed bytes in a bucket of an object store: one object for each image."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from storage.breaker import StoreAway
from storage.protocol import CiphertextGone, Pieces
from storage.settings import BucketSettings, Expiry

if TYPE_CHECKING:  # importing it loads urllib3
    from storage.bucket import Bucket

PREFIX = "mayfly/"
SPAN_SECONDS = 10
"""The length of a slot: images that expire within the same span of so many seconds share it."""
LABEL = b"mayfly/v1/object"
SPARE_SECONDS = 60
"""How much longer than the image's lifetime a store with expiry keeps the object, since an upload takes some
seconds."""
SHORTEST_TTL_MINUTES = 10
MOST_EMPTIED = 1000


def open_object_store(settings: BucketSettings, report: Callable[[str, str], None]) -> ObjectStore:
    """Make an object store; it sends no request yet. ``report`` is called after each request (``storage/bucket.py``).

    This loads urllib3, which takes 12 MB and 0.1 s.
    """
    from storage.bucket import Bucket

    return ObjectStore(Bucket(settings, report), settings.expiry)


def object_key(slot: int, row_key: bytes) -> str:
    """Return the name of an image's object: the end of its slot, so that names sort by expiry, and a tag.

    The tag is HMAC-SHA256 of the row key, so that nobody who lists the bucket learns a row key.
    """
    return f"{_start(slot)}{hmac.digest(row_key, LABEL, 'sha256').hex()}"


def _start(slot: int) -> str:
    return f"{PREFIX}{slot:010}-"


class ObjectStore:
    """Keeps sealed bytes as objects; every method raises StoreAway if the store doesn't answer or refuses.

    A slot is identified by its end, in seconds since 1970: by then all images in it have expired.
    """

    name = "s3"
    in_database = False

    def __init__(self, bucket: Bucket, expiry: Expiry) -> None:
        self._bucket = bucket
        self._expiry = expiry

    def slot(self, _ring_slot: int, expires_at: float) -> int:
        """Return the slot of an image that expires at ``expires_at``: the slot's end, in seconds since 1970."""
        return -(-int(expires_at) // SPAN_SECONDS) * SPAN_SECONDS

    def put(self, slot: int, row_key: bytes, pieces: Pieces, size: int, lifetime: int) -> None:
        """Store ``size`` sealed bytes for at least ``lifetime`` seconds; ``pieces`` may be iterated over several
        times."""
        key, seconds = object_key(slot, row_key), lifetime + SPARE_SECONDS
        if self._expiry == "swift":
            self._bucket.put(key, pieces, size, {"x-delete-after": str(seconds)})
        elif self._expiry == "seaweedfs":
            self._bucket.put(key, pieces, size, ttl=ttl_of(seconds))
        else:
            self._bucket.put(key, pieces, size)

    def fetch(self, _connection: object, slot: int, row_key: bytes, size: int) -> bytearray:
        """Return the ``size`` sealed bytes of an image; raises CiphertextGone."""
        return self._bucket.get(object_key(slot, row_key), size)

    def delete(self, _connection: object, slot: int, row_keys: list[bytes]) -> None:
        """Delete sealed bytes before their expiry; missing ones are no error."""
        self._bucket.delete([object_key(slot, row_key) for row_key in row_keys])

    def oldest(self) -> int | None:
        """Return the oldest slot that is not empty, None if there is none; this lists a single name."""
        found = self._bucket.keys(PREFIX, 1)
        end = found[0].removeprefix(PREFIX).partition("-")[0] if found else ""
        return int(end) if end.isdecimal() else None

    def empty(self, slot: int) -> int:
        """Delete at most MOST_EMPTIED objects of a slot; return how many."""
        keys = self._bucket.keys(_start(slot), MOST_EMPTIED)
        self._bucket.delete(keys)
        return len(keys)

    def forgets_after(self, max_lifetime: int) -> int:
        """Return how many seconds after its slot's end a store with expiry deletes an object, at the latest; else 0."""
        return (
            0 if self._expiry == "sweep" else 2 * (max_lifetime + SPARE_SECONDS) + 60 * SHORTEST_TTL_MINUTES
        )

    def check(self) -> bool:
        """Tell whether the store answers; while the breaker is open, this sends no request either."""
        try:
            self._bucket.check()
        except CiphertextGone:
            return True  # the first upload creates the bucket
        except StoreAway:
            return False
        return True


def ttl_of(seconds: int) -> str:
    """Write a lifetime as SeaweedFS takes it, rounded up to 10, 20, 40 … minutes.

    SeaweedFS has separate volumes for each lifetime, so few different ones should be used. The number is at most 255:
    https://github.com/seaweedfs/seaweedfs/wiki/Store-file-with-a-Time-To-Live
    """
    minutes = SHORTEST_TTL_MINUTES
    while minutes * 60 < seconds:
        minutes *= 2
    counts = ((-(-minutes // length), unit) for unit, length in (("m", 1), ("h", 60), ("d", 1440)))
    return next(f"{count}{unit}" for count, unit in counts if count <= 255)
