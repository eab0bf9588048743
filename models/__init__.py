"""Rows and queries; every time that decides about life and death is the database's."""

from models.base import PURGE_LOCK, db, now, raw_cursor, time_left, try_purge_lock
from models.ciphertext import SLOTS, ciphertexts, slot_of
from models.image import (
    Image,
    ImageRow,
    anything_lives_in,
    claim_guess,
    claim_view,
    delete_dead,
    delete_image,
    find_living,
    insertion,
    return_guess,
)
from models.stored import Stored, forget_empty, recount, release, reserve

__all__ = [
    "PURGE_LOCK",
    "SLOTS",
    "Image",
    "ImageRow",
    "Stored",
    "anything_lives_in",
    "ciphertexts",
    "claim_guess",
    "claim_view",
    "db",
    "delete_dead",
    "delete_image",
    "find_living",
    "forget_empty",
    "insertion",
    "now",
    "raw_cursor",
    "recount",
    "release",
    "reserve",
    "return_guess",
    "slot_of",
    "time_left",
    "try_purge_lock",
]
