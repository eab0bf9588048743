"""Checks uploads against the operator's orders: whether uploads are on, and which images are blocked."""

from __future__ import annotations

import logging
from hashlib import sha256

from crypto import ServerKeys, block_tags
from imaging import Data
from models import OperatorState, blocked_tags
from services.audit import audit
from services.database import autocommit
from services.errors import DatabaseAway, ImageBlocked, UploadsOff
from services.shards import Shard, Shards

log = logging.getLogger("mayfly.operator")
NOTHING_READ = -1, frozenset[bytes]()


class Orders:
    """Follows the orders of ``OperatorActions`` within a second; an upload needs no further query beside its clock's.

    A process keeps the list of blocked tags in memory, some 100 bytes a tag, and reads it again when its version has
    changed. With several databases an order in any of them counts; for a database that is away, its last known orders
    do.
    """

    def __init__(self, shards: Shards, server_keys: ServerKeys) -> None:
        self._shards = shards
        self._server_keys = server_keys
        self._lists: dict[Shard, tuple[int, frozenset[bytes]]] = {}
        self._off = False

    def uploads_off_since(self) -> float | None:
        """Return since when uploads are off, in seconds since 1970, None while they are on; raises DatabaseAway."""
        times = (state.uploads_off_since for state in self._states().values())
        since = min(filter(None, times), default=None)
        if self._off is not (since is not None):
            self._off = since is not None
            log.info("uploads are %s from here on", "off" if self._off else "on")
        return since

    def check_uploads(self) -> None:
        """Raise UploadsOff while uploads are off, and DatabaseAway."""
        if self.uploads_off_since() is not None:
            audit("refused", why="uploads_off")
            raise UploadsOff

    def check_bytes(self, data: Data) -> None:
        """Raise ImageBlocked if the SHA-256 of these bytes is blocked; raises DatabaseAway."""
        if self.any_blocked():
            self.check_digest(sha256(data).digest())

    def any_blocked(self) -> bool:
        """Tell whether any image is blocked; raises DatabaseAway."""
        return any(self._blocked())

    def check_digest(self, digest: bytes) -> None:
        """Raise ImageBlocked if this SHA-256 is blocked; raises DatabaseAway."""
        lists = self._blocked()
        if any(lists):
            tags = block_tags(self._server_keys, digest)
            if not all(blocked.isdisjoint(tags) for blocked in lists):
                audit("refused", why="blocked")
                raise ImageBlocked

    def _blocked(self) -> list[frozenset[bytes]]:
        return [self._list(shard, state) for shard, state in self._states().items()]

    def _list(self, shard: Shard, state: OperatorState) -> frozenset[bytes]:
        version, tags = self._lists.get(shard, NOTHING_READ)
        if version == state.blocked_version:
            return tags
        try:
            with autocommit(shard.engine) as connection:
                tags = frozenset(blocked_tags(connection))
        except DatabaseAway:
            if len(self._shards.all) == 1:
                raise
        else:
            self._lists[shard] = state.blocked_version, tags
        return tags

    def _states(self) -> dict[Shard, OperatorState]:
        """Return the state of each database, its last known one if it is away; raises DatabaseAway if none answers."""
        states, answer = {}, False
        for shard in self._shards.all:
            try:
                states[shard], answer = shard.clock.state(), True
            except DatabaseAway:
                if shard.clock.last is not None:
                    states[shard] = shard.clock.last
        if not answer:
            raise DatabaseAway
        return states
