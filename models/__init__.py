"""Rows and queries; every time that decides about life and death is the database's."""

from models.base import PURGE_LOCK, db, now, try_purge_lock
from models.ciphertext import SLOTS, ciphertexts, slot_of
from models.image import Image, ImageRow, anything_lives_in, delete_dead, find_living, insert_image

__all__ = [
    "PURGE_LOCK",
    "SLOTS",
    "Image",
    "ImageRow",
    "anything_lives_in",
    "ciphertexts",
    "db",
    "delete_dead",
    "find_living",
    "insert_image",
    "now",
    "slot_of",
    "try_purge_lock",
]
