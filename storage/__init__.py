"""Where ciphertext sleeps."""

from storage.protocol import CiphertextGone, CiphertextStore
from storage.rows import RowStore

__all__ = ["CiphertextGone", "CiphertextStore", "RowStore"]
