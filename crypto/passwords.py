from __future__ import annotations

import unicodedata

from argon2.low_level import Type, hash_secret_raw

from crypto.keys import Link, derive

# Argon2id (RFC 9106) with these costs is part of the written format: they are stored nowhere.
TIME_COST = 3
MEMORY_KIB = 32 * 1024
LANES = 1
STRETCHED_BYTES = 32


def stretch(password: str, link: Link) -> bytes:
    """Stretch a password into 32 bytes with Argon2id; takes some 50 ms and 32 MiB, on purpose.

    The salt is derived from the link, so nothing about a password is stored, in any form.
    The password is normalised to NFC, as it may be typed on one system and tried on another.
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
