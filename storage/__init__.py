"""Where sealed bytes are kept."""

from storage.living import find_living
from storage.protocol import CiphertextGone, CiphertextStore
from storage.rows import RowStore

__all__ = ["CiphertextGone", "CiphertextStore", "RowStore", "find_living"]
