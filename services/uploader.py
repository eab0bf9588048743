"""Who uploads, and how much of theirs may live at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from crypto import ServerKeys, client_tag
from models import OPEN_CATALOG, UNLIMITED, UploaderQuota, quota_reached, quota_use
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
class QuotaLimits:
    """The most images and bytes that may live at a time, bytes as MAX_STORED_BYTES counts them; 0 for no limit."""

    most_images: int = 0
    most_bytes: int = 0

    def quotas_of(self, column: str, value: bytes | UUID) -> list[UploaderQuota]:
        """Return what is limited of a client or an owner; nothing where it isn't."""
        limits = {name: most for name, most in vars(self).items() if most}
        return [UploaderQuota(column, value, **limits)] if limits else []


class UploaderQuotas:
    """Limits what lives of one address, and of one account; an upload with an account counts in both.

    Only living rows count, by PostgreSQL's clock, so nothing has to be given back when an image ends. They are counted
    where what was counted lately, with what came since, leaves no room. Each database counts its own.
    """

    def __init__(self, server_keys: ServerKeys, client: QuotaLimits, owner: QuotaLimits) -> None:
        self._server_keys = server_keys
        self._client = client
        self._owner = owner

    def of(self, uploader: Uploader) -> list[UploaderQuota]:
        """Return what an upload counts in; the catalog that everybody shares is nobody's, and has no limit."""
        tag = client_tag(self._server_keys, uploader.client, PURPOSE)
        quotas = self._client.quotas_of("client_tag", tag)
        if uploader.owner not in {None, OPEN_CATALOG}:
            quotas += self._owner.quotas_of("owner_id", uploader.owner)
        return quotas

    @contextmanager
    def kept(self, shard: Shard, quotas: list[UploaderQuota], size: int, images: int) -> Iterator[None]:
        """Tell what a block's upload of images, ``size`` bytes in all, was refused for, and when it fits.

        Raises ClientQuotaReached, OwnerQuotaReached.
        """
        try:
            yield
        except DBAPIError as error:
            column = quota_reached(error)
            if column is None:
                raise
            quota = next(quota for quota in quotas if quota.column == column)
            with autocommit(shard.engine) as connection:
                now = quota_use(connection, quota, size, images)
        else:
            return
        reached = ClientQuotaReached if column == "client_tag" else OwnerQuotaReached
        too_many = now.images + images > quota.most_images
        fits = (
            not too_many and now.bytes + size <= quota.most_bytes
        )  # something has ended since it was refused
        by_images = too_many or (fits and quota.most_images != UNLIMITED)
        most = quota.most_images if by_images else quota.most_bytes
        raise reached(most, 1 if fits else now.seconds, images=by_images)


def tag_of(quotas: list[UploaderQuota]) -> bytes | None:
    """Return what a row keeps of the client; None where its images are not limited, and so nothing is kept."""
    return next((quota.value for quota in quotas if isinstance(quota.value, bytes)), None)
