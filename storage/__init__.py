"""Where sealed bytes are kept."""

from storage.breaker import StoreAway
from storage.living import find_living
from storage.objects import ObjectStore, open_object_store
from storage.protocol import CiphertextGone, CiphertextStore, Pieces, SlotStore
from storage.rows import RowStore
from storage.settings import BucketSettings, Expiry

__all__ = [
    "BucketSettings",
    "CiphertextGone",
    "CiphertextStore",
    "Expiry",
    "ObjectStore",
    "Pieces",
    "RowStore",
    "SlotStore",
    "StoreAway",
    "find_living",
    "open_object_store",
]
