from __future__ import annotations

import unicodedata

from argon2.low_level import Type, hash_secret_raw

from crypto.keys import Link, derive

# These costs of Argon2id (RFC 9106) are part of the format in README.md; they are not stored with an image.
TIME_COST = 3
MEMORY_KIB = 32 * 1024
LANES = 1
STRETCHED_BYTES = 32


def stretch(password: str, link: Link) -> bytes:
    """Stretch a password to 32 bytes with Argon2id; this takes some 50 ms and 32 MiB, on purpose.

    The salt is derived from the link, so nothing about the password is stored. The password is normalised to NFC, since
    different systems may encode the same typed characters differently.
    """
    return hash_secret_raw(
        unicodedata.normalize("NFC", password).encode(),
        derive(link.secret, "mayfly/v1/password-salt", 16),
        TIME_COST,
        MEMORY_KIB,
        LANES,
        STRETCHED_BYTES,
        Type.ID,
    )
