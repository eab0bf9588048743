"""Rows and queries; every time that decides about life and death is the database's."""

from models.api_key import ApiKey
from models.attempts import Guess, LoginAttempt, claim_guess, forget_guesses, return_guess
from models.base import PURGE_LOCK, db, now, raw_cursor, time_left, try_purge_lock, wait_for_purge_lock
from models.catalog import OwnedRow, list_owned
from models.ciphertext import SLOTS, ciphertexts, slot_of
from models.image import (
    Image,
    ImageRow,
    Ownership,
    anything_lives_in,
    claim_view,
    delete_dead,
    delete_image,
    insertion,
)
from models.operator import Blocked, Operator
from models.owner import (
    OPEN_CATALOG,
    Owner,
    OwnerRow,
    delete_images_of,
    delete_owner,
    find_owner,
    find_owner_by_login,
    insert_owner,
    lock_owner,
    owners_after,
    replace_account,
)
from models.session import connections_allowed, keep_session_settings
from models.stored import Stored, forget_empty, recount, release, reserve

__all__ = [
    "OPEN_CATALOG",
    "PURGE_LOCK",
    "SLOTS",
    "ApiKey",
    "Blocked",
    "Guess",
    "Image",
    "ImageRow",
    "LoginAttempt",
    "Operator",
    "OwnedRow",
    "Owner",
    "OwnerRow",
    "Ownership",
    "Stored",
    "anything_lives_in",
    "ciphertexts",
    "claim_guess",
    "claim_view",
    "connections_allowed",
    "db",
    "delete_dead",
    "delete_image",
    "delete_images_of",
    "delete_owner",
    "find_owner",
    "find_owner_by_login",
    "forget_empty",
    "forget_guesses",
    "insert_owner",
    "insertion",
    "keep_session_settings",
    "list_owned",
    "lock_owner",
    "now",
    "owners_after",
    "raw_cursor",
    "recount",
    "release",
    "replace_account",
    "reserve",
    "return_guess",
    "slot_of",
    "time_left",
    "try_purge_lock",
    "wait_for_purge_lock",
]
