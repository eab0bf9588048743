"""Bytes in, bytes out: an image's secrets, what is derived from them, the seal. README.md is the written format."""

from crypto.errors import MalformedSecret, MalformedServerKey, Unopenable
from crypto.fernet import open_sealed, seal, sealed_size
from crypto.key_file import server_keys_in
from crypto.keys import ImageKey, Link, SealKeys
from crypto.server_keys import ServerKeys

__all__ = [
    "ImageKey",
    "Link",
    "MalformedSecret",
    "MalformedServerKey",
    "SealKeys",
    "ServerKeys",
    "Unopenable",
    "open_sealed",
    "seal",
    "sealed_size",
    "server_keys_in",
]
