"""Who uploads, and how much of theirs may live at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from crypto import ServerKeys, client_tag
from models import OPEN_CATALOG, UNLIMITED, Share, share_over, taken
from services.database import autocommit
from services.errors import ClientQuotaReached, OwnerQuotaReached
from services.shards import Shard

PURPOSE = "quota"


@dataclass(frozen=True)
class Uploader:
    """Who uploads: the address or network of a client, and the owner of what it uploads if that has one."""

    client: str = field(repr=False)
    owner: UUID | None = None


@dataclass(frozen=True)
class Most:
    """The most images and bytes that may live at a time, bytes as MAX_STORED_BYTES counts them; 0 for no limit."""

    most_images: int = 0
    most_bytes: int = 0

    def share(self, column: str, value: bytes | UUID) -> list[Share]:
        """Return what is limited of a client or an owner; nothing where it isn't."""
        limits = {name: most for name, most in vars(self).items() if most}
        return [Share(column, value, **limits)] if limits else []


class UploaderQuotas:
    """Limits what lives of one address, and of one account; an upload with an account counts in both.

    Only living rows count, by PostgreSQL's clock, so nothing has to be given back when an image ends. They are counted
    where what was counted lately, with what came since, leaves no room. Each database counts its own.
    """

    def __init__(self, server_keys: ServerKeys, client: Most, owner: Most) -> None:
        self._server_keys = server_keys
        self._client = client
        self._owner = owner

    def shares(self, uploader: Uploader) -> list[Share]:
        """Return what an upload counts in; the catalog that everybody shares is nobody's, and has no limit."""
        tag = client_tag(self._server_keys, uploader.client, PURPOSE)
        shares = self._client.share("client_tag", tag)
        if uploader.owner not in {None, OPEN_CATALOG}:
            shares += self._owner.share("owner_id", uploader.owner)
        return shares

    @contextmanager
    def kept(self, shard: Shard, shares: list[Share], size: int, images: int) -> Iterator[None]:
        """Tell what a block's upload of images, ``size`` bytes in all, was refused for, and when it fits.

        Raises ClientQuotaReached, OwnerQuotaReached.
        """
        try:
            yield
        except DBAPIError as error:
            column = share_over(error)
            if column is None:
                raise
            share = next(share for share in shares if share.column == column)
            with autocommit(shard.engine) as connection:
                now = taken(connection, share, size, images)
        else:
            return
        reached = ClientQuotaReached if column == "client_tag" else OwnerQuotaReached
        too_many = now.images + images > share.most_images
        fits = (
            not too_many and now.bytes + size <= share.most_bytes
        )  # something has ended since it was refused
        by_images = too_many or (fits and share.most_images != UNLIMITED)
        most = share.most_images if by_images else share.most_bytes
        raise reached(most, 1 if fits else now.seconds, images=by_images)


def tag_of(shares: list[Share]) -> bytes | None:
    """Return what a row keeps of the client; None where its images are not limited, and so nothing is kept."""
    return next((share.value for share in shares if isinstance(share.value, bytes)), None)
