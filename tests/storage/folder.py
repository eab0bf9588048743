"""A store that is no database, for the contract: what it can promise, any store of objects can."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from sqlalchemy import Connection

from storage import CiphertextGone
from storage.protocol import Bytes


class FolderStore:
    """Keeps each image's sealed bytes in a file, in a folder for each slot."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, _connection: Connection, slot: int, row_key: bytes, pieces: Iterable[Bytes]) -> None:
        path = self._path(slot, row_key)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"".join(pieces))

    def fetch(self, _connection: Connection, slot: int, row_key: bytes, size: int) -> bytearray:
        path = self._path(slot, row_key)
        if not path.exists() or path.stat().st_size != size:
            raise CiphertextGone
        return bytearray(path.read_bytes())

    def delete(self, _connection: Connection, slot: int, row_keys: list[bytes]) -> None:
        for row_key in row_keys:
            self._path(slot, row_key).unlink(missing_ok=True)

    def filled(self, _connection: Connection) -> list[int]:
        return [int(slot.name) for slot in self._folder.iterdir() if any(slot.iterdir())]

    def empty(self, _connection: Connection, slot: int, may_go: Callable[[], bool]) -> bool:
        if not may_go():
            return False
        for path in (self._folder / str(slot)).iterdir():
            path.unlink()
        return True

    def _path(self, slot: int, row_key: bytes) -> Path:
        return self._folder / str(slot) / row_key.hex()
