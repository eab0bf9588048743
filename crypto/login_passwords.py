"""Hashes and verifies the passwords of accounts. (An image's password is not hashed, but part of the image's keys.)"""

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


# A dummy hash, which no password has: all its bits are 0. Verifying against it takes as long as against an account's
# hash.
_NO_HASH = f"$argon2id$v=19$m={MEMORY_KIB},t={TIME_COST},p={LANES}${_text(bytes(16))}${_text(bytes(STRETCHED_BYTES))}"


def hash_login_password(password: str) -> str:
    """Hash a password with Argon2id and a random salt; this takes some 50 ms and 32 MiB, on purpose."""
    return _HASHER.hash(_normalised(password))


def verify_login_password(stored: str | None, password: str) -> str | None:
    """Verify a password against its stored hash; raises WrongPassword.

    If ``stored`` is None, because no account has the login, this takes as long and raises WrongPassword. Returns a new
    hash if the stored one was made with other costs than the current ones, else None.
    """
    try:
        _HASHER.verify(stored or _NO_HASH, _normalised(password))
    except (VerificationError, InvalidHashError):
        raise WrongPassword from None
    if stored is None:
        raise WrongPassword
    return hash_login_password(password) if _HASHER.check_needs_rehash(stored) else None


def _normalised(password: str) -> bytes:
    return unicodedata.normalize("NFC", password).encode()
