"""Rows and queries; every time that decides about life and death is the database's."""

from models.api_key import ApiKey
from models.attempts import Guess
from models.base import PURGE_LOCK, db, now, raw_cursor, time_left, try_purge_lock, wait_for_purge_lock
from models.catalog import OwnedRow, list_owned
from models.ciphertext import SLOTS, ciphertexts, slot_of
from models.image import (
    Image,
    ImageRow,
    Ownership,
    anything_lives_in,
    claim_guess,
    claim_view,
    delete_dead,
    delete_image,
    insertion,
    return_guess,
)
from models.operator import Blocked, Operator
from models.owner import (
    OPEN_CATALOG,
    LoginAttempt,
    Owner,
    OwnerRow,
    claim_attempt,
    delete_images_of,
    delete_owner,
    find_owner,
    find_owner_by_login,
    insert_owner,
    lock_owner,
    owners_after,
    replace_account,
    return_attempt,
)
from models.quota import Share, Taken, quota_checks, share_over, taken
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
    "Share",
    "Stored",
    "Taken",
    "anything_lives_in",
    "ciphertexts",
    "claim_attempt",
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
    "insert_owner",
    "insertion",
    "keep_session_settings",
    "list_owned",
    "lock_owner",
    "now",
    "owners_after",
    "quota_checks",
    "raw_cursor",
    "recount",
    "release",
    "replace_account",
    "reserve",
    "return_attempt",
    "return_guess",
    "share_over",
    "slot_of",
    "taken",
    "time_left",
    "try_purge_lock",
    "wait_for_purge_lock",
]
