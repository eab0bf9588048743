"""Passwords of accounts: they are hashed and compared, whereas an image's password is stretched into its key."""

from __future__ import annotations

import unicodedata
from base64 import b64encode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crypto.errors import WrongPassword
from crypto.passwords import LANES, MEMORY_KIB, STRETCHED_BYTES, TIME_COST

_HASHER = PasswordHasher(TIME_COST, MEMORY_KIB, LANES, STRETCHED_BYTES)


def _text(octets: bytes) -> str:
    return b64encode(octets).rstrip(b"=").decode()


# No password has this hash (all its bits are 0). Verifying against it takes as long as against an account's hash.
_HASH_OF_NO_PASSWORD = f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={LANES}${_text(bytes(16))}${_text(bytes(STRETCHED_BYTES))}"


def hash_login_password(password: str) -> str:
    """Hash a password with Argon2id and a salt of its own; takes some 50 ms and 32 MiB, on purpose."""
    return _HASHER.hash(_normalised(password))


def verify_login_password(stored: str | None, password: str) -> str | None:
    """Compare a password with its hash; where there is none, since no account has that login, take as long and refuse.

    Returns a new hash where the stored one was made with other costs than today's, else None.
    Raises WrongPassword.
    """
    try:
        _HASHER.verify(stored or _HASH_OF_NO_PASSWORD, _normalised(password))
    except (VerificationError, InvalidHashError):
        raise WrongPassword from None
    if stored is None:
        raise WrongPassword
    return hash_login_password(password) if _HASHER.check_needs_rehash(stored) else None


def _normalised(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode()
