"""The uploader of an image, and the quotas of uploaders."""

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
    """The address or network of the client that uploads, and the owner of its images if there is one."""

    client: str = field(repr=False)
    owner: UUID | None = None


@dataclass(frozen=True)
class QuotaLimits:
    """How many images, and how many bytes, of one uploader may live at a time; 0 is no limit.

    Bytes are counted as by MAX_STORED_BYTES.
    """

    most_images: int = 0
    most_bytes: int = 0

    def quotas_of(self, column: str, value: bytes | UUID) -> list[UploaderQuota]:
        """Return the quota of a client or an owner as a list; an empty one if there is no limit."""
        limits = {name: most for name, most in vars(self).items() if most}
        return [UploaderQuota(column, value, **limits)] if limits else []


class UploaderQuotas:
    """The quotas of client addresses and of accounts; an upload with an account counts in both.

    Only living images count, so nothing has to be given back when an image expires. Each database counts its own
    images.
    """

    def __init__(self, server_keys: ServerKeys, client: QuotaLimits, owner: QuotaLimits) -> None:
        self._server_keys = server_keys
        self._client = client
        self._owner = owner

    def of(self, uploader: Uploader) -> list[UploaderQuota]:
        """Return the quotas that an upload counts in. The owner of the open catalog has none."""
        tag = client_tag(self._server_keys, uploader.client, PURPOSE)
        quotas = self._client.quotas_of("client_tag", tag)
        if uploader.owner not in {None, OPEN_CATALOG}:
            quotas += self._owner.quotas_of("owner_id", uploader.owner)
        return quotas

    @contextmanager
    def explained(self, shard: Shard, quotas: list[UploaderQuota], size: int, images: int) -> Iterator[None]:
        """Turn the error of a quota that the block exceeds into ClientQuotaReached or OwnerQuotaReached.

        The block stores ``images`` images of ``size`` bytes in all. The error says when they will fit.
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
        )  # some image has expired since the upload was refused
        by_images = too_many or (fits and quota.most_images != UNLIMITED)
        most = quota.most_images if by_images else quota.most_bytes
        raise reached(most, 1 if fits else now.seconds, images=by_images)


def tag_of(quotas: list[UploaderQuota]) -> bytes | None:
    """Return the client tag for an image's row; None if clients have no quota, since then nothing is stored."""
    return next((quota.value for quota in quotas if isinstance(quota.value, bytes)), None)
