"""Ciphertext in the bucket of an object store, one object an image."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING

from storage.breaker import StoreAway
from storage.protocol import CiphertextGone, Pieces
from storage.settings import BucketSettings, Expiry

if TYPE_CHECKING:  # it loads urllib3
    from storage.bucket import Bucket

PREFIX = "mayfly/"
SPAN_SECONDS = 10
"""How many seconds of expiries share a slot."""
LABEL = b"mayfly/v1/object"
SPARE_SECONDS = 60
"""How much longer than an image lives the store itself keeps its object: an upload under way takes some seconds."""
SHORTEST_TTL_MINUTES = 10
MOST_EMPTIED = 1000


def open_object_store(settings: BucketSettings, report: Callable[[str, str], None]) -> ObjectStore:
    """Make an object store, which ``report`` hears of each request of; nothing is asked yet.

    urllib3 is loaded by this, 12 MB and 0.1 s.
    """
    from storage.bucket import Bucket

    return ObjectStore(Bucket(settings, report), settings.expiry)


def object_key(slot: int, row_key: bytes) -> str:
    """Name an image's object: the end of its slot, so that a list of names begins with what is over, and a tag.

    The tag is HMAC-SHA256 of the row key, one way: whoever lists the bucket learns no row key.
    """
    return f"{_start(slot)}{hmac.digest(row_key, LABEL, 'sha256').hex()}"


def _start(slot: int) -> str:
    return f"{PREFIX}{slot:010}-"


class ObjectStore:
    """Keeps sealed bytes as objects; every method raises StoreAway where the store doesn't answer, or refuses.

    A slot is named by its end, in seconds since 1970: then all that is in it is over.
    """

    name = "s3"
    in_database = False

    def __init__(self, bucket: Bucket, expiry: Expiry) -> None:
        self._bucket = bucket
        self._expiry = expiry

    def slot(self, _ring_slot: int, expires_at: float) -> int:
        """Return the end of the slot of an image that expires then, in seconds since 1970."""
        return -(-int(expires_at) // SPAN_SECONDS) * SPAN_SECONDS

    def put(self, slot: int, row_key: bytes, pieces: Pieces, size: int, lifetime: int) -> None:
        """Keep ``size`` sealed bytes for at least ``lifetime`` seconds; ``pieces`` may be asked for more than once."""
        key, seconds = object_key(slot, row_key), lifetime + SPARE_SECONDS
        if self._expiry == "swift":
            self._bucket.put(key, pieces, size, {"x-delete-after": str(seconds)})
        elif self._expiry == "seaweedfs":
            self._bucket.put(key, pieces, size, ttl=ttl_of(seconds))
        else:
            self._bucket.put(key, pieces, size)

    def fetch(self, _connection: object, slot: int, row_key: bytes, size: int) -> bytearray:
        """Return the sealed bytes, which are ``size`` in number; raises CiphertextGone."""
        return self._bucket.get(object_key(slot, row_key), size)

    def delete(self, _connection: object, slot: int, row_keys: list[bytes]) -> None:
        """Remove sealed bytes before their time; those that are not there are no error."""
        self._bucket.delete([object_key(slot, row_key) for row_key in row_keys])

    def oldest(self) -> int | None:
        """Return the first slot that holds anything; None where nothing is there. It lists a single name."""
        found = self._bucket.keys(PREFIX, 1)
        end = found[0].removeprefix(PREFIX).partition("-")[0] if found else ""
        return int(end) if end.isdecimal() else None

    def empty(self, slot: int) -> int:
        """Remove at most MOST_EMPTIED objects of a slot; return how many."""
        keys = self._bucket.keys(_start(slot), MOST_EMPTIED)
        self._bucket.delete(keys)
        return len(keys)

    def forgets_after(self, max_lifetime: int) -> int:
        """How many seconds after its slot's end an object may still be there where the store itself forgets it."""
        return (
            0 if self._expiry == "sweep" else 2 * (max_lifetime + SPARE_SECONDS) + 60 * SHORTEST_TTL_MINUTES
        )

    def check(self) -> bool:
        """Ask whether the store answers; while it has failed, that is asked as seldom as anything."""
        try:
            self._bucket.check()
        except CiphertextGone:
            return True  # the first image makes the bucket
        except StoreAway:
            return False
        return True


def ttl_of(seconds: int) -> str:
    """Write a lifetime as SeaweedFS takes it, rounded up to 10 minutes or a doubling of them.

    SeaweedFS keeps volumes apart for each lifetime, so there should be few. It takes at most 255 of a unit:
    https://github.com/seaweedfs/seaweedfs/wiki/Store-file-with-a-Time-To-Live
    """
    minutes = SHORTEST_TTL_MINUTES
    while minutes * 60 < seconds:
        minutes *= 2
    counts = ((-(-minutes // length), unit) for unit, length in (("m", 1), ("h", 60), ("d", 1440)))
    return next(f"{count}{unit}" for count, unit in counts if count <= 255)
