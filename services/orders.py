"""What the operator ordered, as each upload meets it: whether there are uploads, and which images are blocked."""

from __future__ import annotations

import logging
from hashlib import sha256

from sqlalchemy import Engine

from crypto import ServerKeys, block_tags
from imaging import Data
from models import blocked_tags
from services.audit import audit
from services.clock import DatabaseClock
from services.database import autocommit
from services.errors import ImageBlocked, UploadsOff

log = logging.getLogger("mayfly.operator")
NOTHING_READ = -1


class Orders:
    """Knows what ``Hand`` ordered, within a second, and costs an upload no question more than its clock.

    A process reads the list of blocked tags when it hears of another version of it, and keeps it: some 100 bytes a tag.
    """

    def __init__(self, engine: Engine, server_keys: ServerKeys, clock: DatabaseClock) -> None:
        self._engine = engine
        self._server_keys = server_keys
        self.clock = clock
        self._list: tuple[int, frozenset[bytes]] = NOTHING_READ, frozenset()
        self._off = False

    def uploads_off_since(self) -> float | None:
        """Tell since when uploads are off, in seconds since 1970, or None while they are on; raises DatabaseAway."""
        since = self.clock.heard().uploads_off_since
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
        """Raise ImageBlocked where these bytes are on the list, and DatabaseAway."""
        if self._blocked():
            self.check_digest(sha256(data).digest())

    def any_blocked(self) -> bool:
        """Tell whether there is anything on the list; raises DatabaseAway."""
        return bool(self._blocked())

    def check_digest(self, digest: bytes) -> None:
        """Raise ImageBlocked where the SHA-256 of an image is on the list, and DatabaseAway."""
        blocked = self._blocked()
        if blocked and not blocked.isdisjoint(block_tags(self._server_keys, digest)):
            audit("refused", why="blocked")
            raise ImageBlocked

    def _blocked(self) -> frozenset[bytes]:
        version, tags = self._list
        heard = self.clock.heard().blocked_version
        if version != heard:
            with autocommit(self._engine) as connection:
                tags = frozenset(blocked_tags(connection))
            self._list = heard, tags
        return tags
