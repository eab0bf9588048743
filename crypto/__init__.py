"""The secrets of images, the keys derived from them, and authenticated encryption. README.md specifies the format."""

from crypto.api_keys import ApiKey
from crypto.blocks import block_tags
from crypto.clients import client_tag
from crypto.errors import (
    BadToken,
    MalformedSecret,
    MalformedServerKey,
    PasswordNeeded,
    Unopenable,
    WrongPassword,
)
from crypto.fernet import open_sealed, seal, seal_pieces, sealed_size
from crypto.key_file import key_file_in, server_keys_in
from crypto.keys import ImageKey, Link, SealKeys
from crypto.login_passwords import hash_login_password, verify_login_password
from crypto.openings import OPENING_BYTES, open_openings, seal_opening
from crypto.owned import OwnerSeal
from crypto.row_seal import RowSeal, SealedDetails
from crypto.server_keys import ServerKeys, generate_server_key
from crypto.tokens import Claims, issue_token, read_token

__all__ = [
    "OPENING_BYTES",
    "ApiKey",
    "BadToken",
    "Claims",
    "ImageKey",
    "Link",
    "MalformedSecret",
    "MalformedServerKey",
    "OwnerSeal",
    "PasswordNeeded",
    "RowSeal",
    "SealKeys",
    "SealedDetails",
    "ServerKeys",
    "Unopenable",
    "WrongPassword",
    "block_tags",
    "client_tag",
    "generate_server_key",
    "hash_login_password",
    "issue_token",
    "key_file_in",
    "open_openings",
    "open_sealed",
    "read_token",
    "seal",
    "seal_opening",
    "seal_pieces",
    "sealed_size",
    "server_keys_in",
    "verify_login_password",
]
