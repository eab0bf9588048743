"""The operator's hand: takes images down, blocks them, and turns uploads off and on, for every process at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine

from crypto import Link, MalformedSecret, ServerKeys, block_tags
from models import ImageRow, block, blocked_changed, switch_uploads, unblock
from services.audit import audit
from services.database import transaction
from services.errors import ImageGone
from services.living_images import LivingImages
from storage import find_living


class TakenDown(NamedTuple):
    """What became of a link: whether a living image was removed, and its SHA-256 where that was blocked too."""

    removed: bool
    blocked: bytes | None = None


NOTHING_THERE = TakenDown(False)


class Hand:
    """The deeds of an operator; each leaves an audit line, and each is done in one transaction or not at all."""

    def __init__(self, engine: Engine, server_keys: ServerKeys, images: LivingImages) -> None:
        self._engine = engine
        self._server_keys = server_keys
        self._images = images

    def take_down(self, link: str, *, and_block: bool) -> TakenDown:
        """Remove the image of a link with its sealed bytes, and block it where asked and where that can be done.

        An image that has a password keeps its digest under it, so it is removed and not blocked. Raises DatabaseAway.
        """
        done = self._take_down(link, and_block=and_block)
        audit("takedown", removed=_word(done.removed), blocked=_word(done.blocked is not None))
        return done

    def _take_down(self, text: str, *, and_block: bool) -> TakenDown:
        try:
            link = Link.parse(text)
            with transaction(self._engine) as connection:
                found = find_living(connection, link.row_key, 0)
                if found is None:
                    return NOTHING_THERE
                row, _ = found
                digest = self._digest(link, row) if and_block else None
                if digest is not None:
                    self._block(connection, [digest])
                self._images.remove(connection, row)
        except (MalformedSecret, ImageGone):
            return NOTHING_THERE
        return TakenDown(True, digest)

    def _digest(self, link: Link, row: ImageRow) -> bytes | None:
        try:
            details = self._images.open_row(row, link).plain_details()
        except ImageGone:
            return None  # no server key that is left opens it
        return None if details is None else bytes.fromhex(details.sha256)

    def block(self, digests: Sequence[bytes]) -> int:
        """Refuse every later upload of images by their SHA-256; return how many were not blocked. Raises DatabaseAway.

        A digest that was blocked under an older server key comes under the newest one.
        """
        with transaction(self._engine) as connection:
            new = self._block(connection, digests)
        audit("block", digests=len(digests), new=new)
        return new

    def _block(self, connection: Connection, digests: Sequence[bytes]) -> int:
        blocked_changed(connection)
        newest, *older = zip(*(block_tags(self._server_keys, digest) for digest in digests), strict=True)
        moved = unblock(connection, [tag for tags in older for tag in tags])
        return max(block(connection, newest) - moved, 0)

    def unblock(self, digests: Sequence[bytes]) -> int:
        """Let images be uploaded again; return how many of them were blocked. Raises DatabaseAway."""
        tags = [tag for digest in digests for tag in block_tags(self._server_keys, digest)]
        with transaction(self._engine) as connection:
            blocked_changed(connection)
            gone = unblock(connection, tags)
        audit("unblock", digests=len(digests), gone=gone)
        return gone

    def switch_uploads(self, *, on: bool) -> bool:
        """Turn uploads on or off; False where they were so already. Raises DatabaseAway."""
        with transaction(self._engine) as connection:
            changed = switch_uploads(connection, off=not on)
        audit("uploads", now="on" if on else "off", changed=_word(changed))
        return changed


def _word(done: bool) -> str:
    return "yes" if done else "no"
