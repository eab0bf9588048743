"""Bytes in, bytes out: an image's secrets, what is derived from them, the seal. README.md is the written format."""

from crypto.errors import MalformedSecret, MalformedServerKey, PasswordNeeded, Unopenable, WrongPassword
from crypto.fernet import open_sealed, seal, seal_pieces, sealed_size
from crypto.key_file import server_keys_in
from crypto.keys import ImageKey, Link, SealKeys
from crypto.row_seal import RowSeal, SealedDetails
from crypto.server_keys import ServerKeys

__all__ = [
    "ImageKey",
    "Link",
    "MalformedSecret",
    "MalformedServerKey",
    "PasswordNeeded",
    "RowSeal",
    "SealKeys",
    "SealedDetails",
    "ServerKeys",
    "Unopenable",
    "WrongPassword",
    "open_sealed",
    "seal",
    "seal_pieces",
    "sealed_size",
    "server_keys_in",
]
