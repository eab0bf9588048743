"""What an operator can do: take images down, block them, and turn uploads off and on, for all processes at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection

from crypto import Link, MalformedSecret, ServerKeys, block_tags
from models import ImageRow, block, blocked_changed, blocked_tags, operator_state, switch_uploads, unblock
from services.audit import audit
from services.database import autocommit, transaction
from services.errors import ImageGone, NotEverywhere
from services.living_images import LivingImages
from services.shards import Shard, Shards
from storage import find_living

T = TypeVar("T")


class TakenDown(NamedTuple):
    """The result of a takedown: whether a living image was removed, and its SHA-256 if that was blocked, too."""

    removed: bool
    blocked: bytes | None = None


NOTHING_THERE = TakenDown(False)


class OperatorActions:
    """The actions of an operator. Each writes a line to the audit log, and is atomic in each database.

    Every database holds all of the operator's orders, so that none depends on another one.
    """

    def __init__(self, shards: Shards, server_keys: ServerKeys, images: LivingImages) -> None:
        self._shards = shards
        self._server_keys = server_keys
        self._images = images

    def take_down(self, link: str, *, and_block: bool) -> TakenDown:
        """Remove the image of a link with its sealed bytes; with ``and_block``, block its SHA-256 if that can be read.

        The SHA-256 of an image with a password is sealed under the password, so such an image is removed, but not
        blocked. Raises DatabaseAway.
        """
        done = self._take_down(link, and_block=and_block)
        audit("takedown", removed=_yes_or_no(done.removed), blocked=_yes_or_no(done.blocked is not None))
        return done

    def _take_down(self, text: str, *, and_block: bool) -> TakenDown:
        try:
            link = Link.parse(text)
            digest = self._shards.search(
                link.row_key, lambda shard: self._remove(shard, link, and_block=and_block)
            )
        except (MalformedSecret, ImageGone):
            return NOTHING_THERE
        if digest is not None and len(self._shards.all) > 1:
            self._everywhere(lambda connection: self._block(connection, [digest]))
        return TakenDown(True, digest)

    def _remove(self, shard: Shard, link: Link, *, and_block: bool) -> bytes | None:
        """Remove an image and block it in its own database; return the SHA-256 if it was blocked. Raises ImageGone."""
        with transaction(shard.engine) as connection:
            found = find_living(connection, link.row_key, 0)
            if found is None:
                raise ImageGone
            row, _ = found
            digest = self._digest(shard, link, row) if and_block else None
            if digest is not None:
                self._block(connection, [digest])
            self._images.remove(connection, row)
        return digest

    def _digest(self, shard: Shard, link: Link, row: ImageRow) -> bytes | None:
        try:
            details = self._images.open_row(shard, row, link).plain_details()
        except ImageGone:
            return None  # its server key was removed
        return None if details is None else bytes.fromhex(details.sha256)

    def block(self, digests: Sequence[bytes]) -> int:
        """Block images by their SHA-256, so that later uploads are refused; return how many were not blocked before.

        A digest that is blocked under an older server key is moved to the newest one. Raises DatabaseAway and
        NotEverywhere.
        """
        new = max(self._everywhere(lambda connection: self._block(connection, digests)))
        audit("block", digests=len(digests), new=new)
        return new

    def _block(self, connection: Connection, digests: Sequence[bytes]) -> int:
        blocked_changed(connection)
        newest, *older = zip(*(block_tags(self._server_keys, digest) for digest in digests), strict=True)
        moved = unblock(connection, [tag for tags in older for tag in tags])
        return max(block(connection, newest) - moved, 0)

    def unblock(self, digests: Sequence[bytes]) -> int:
        """Unblock images by their SHA-256; return how many were blocked. Raises DatabaseAway, NotEverywhere."""
        tags = [tag for digest in digests for tag in block_tags(self._server_keys, digest)]

        def let(connection: Connection) -> int:
            blocked_changed(connection)
            return unblock(connection, tags)

        gone = max(self._everywhere(let))
        audit("unblock", digests=len(digests), gone=gone)
        return gone

    def switch_uploads(self, *, on: bool) -> bool:
        """Turn uploads on or off; False if that was already so. Raises DatabaseAway, NotEverywhere."""
        changed = any(self._everywhere(lambda connection: switch_uploads(connection, off=not on)))
        audit("uploads", now="on" if on else "off", changed=_yes_or_no(changed))
        return changed

    def spread(self) -> None:
        """Copy the orders of each database to all others, since a database may be new or may have been away.

        Raises DatabaseAway.
        """
        if len(self._shards.all) == 1:
            return
        told = self._shards.each(_orders_in)
        tags = frozenset().union(*(its for its, _ in told.values()))
        off = any(its for _, its in told.values())
        for shard, (has, is_off) in told.items():
            if tags - has or off is not is_off:
                with transaction(shard.engine) as connection:
                    blocked_changed(connection)
                    block(connection, list(tags))
                    switch_uploads(connection, off=off)

    def _everywhere(self, do: Callable[[Connection], T]) -> list[T]:
        """Call ``do`` in a transaction of each database; raises NotEverywhere if some of them are away."""

        def run(shard: Shard) -> T:
            with transaction(shard.engine) as connection:
                return do(connection)

        done = self._shards.each(run)
        missing = [shard.name for shard in self._shards.all if shard not in done]
        if missing:
            audit("incomplete", missing=",".join(missing))
            raise NotEverywhere(missing)
        return list(done.values())


def _orders_in(shard: Shard) -> tuple[frozenset[bytes], bool]:
    with autocommit(shard.engine) as connection:
        return frozenset(blocked_tags(connection)), operator_state(connection).uploads_off_since is not None


def _yes_or_no(done: bool) -> str:
    return "yes" if done else "no"
