"""Stores sealed images in a database, within the limits of storage and of the uploader's quotas."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard
from uuid import UUID

from models import OPEN_CATALOG, ImageRow, Ownership, insertion, owner_lives, owner_placeholder, quota_checks
from services.account_errors import TokenRefused
from services.database import autocommit, transaction
from services.errors import DatabaseAway
from services.incoming import Incoming, SealedRow
from services.living_images import LivingImages
from services.objects import LargeImages
from services.quota import Quota
from services.shards import Shard, Shards
from services.uploader import Uploader, UploaderQuotas, tag_of
from storage import RowStore


@dataclass(frozen=True)
class Batch:
    """The images of one upload, which are stored all or none: their rows, which share slot and expiry, and their
    owner."""

    rows: list[SealedRow]
    owned: list[Ownership | None]
    lifetime: int
    """In seconds."""
    uploader: Uploader

    @cached_property
    def size(self) -> int:
        """How many bytes all rows take, as MAX_STORED_BYTES counts them."""
        return sum(row.stored_bytes for row, _ in self.rows)

    @property
    def first(self) -> ImageRow:
        """The first row; all rows have its slot and its expiry."""
        return self.rows[0][0]


class ImageWriter:
    """Stores the rows and the sealed bytes of one upload in one transaction."""

    def __init__(
        self,
        shards: Shards,
        store: RowStore,
        large: LargeImages,
        quota: Quota,
        quotas: UploaderQuotas,
        images: LivingImages,
    ) -> None:
        self._shards = shards
        self._store = store
        self._large = large
        self._quota = quota
        self._quotas = quotas
        self._images = images

    def store_for(self, image: Incoming) -> str:
        """Return the name of the store for the sealed bytes of an image: the value of ``images.store``."""
        return self._large.store_for(len(image.data), self._store.name)

    def store(self, shard: Shard, batch: Batch) -> None:
        """Store all images of a batch or none.

        Raises StorageFull, ClientQuotaReached, OwnerQuotaReached, DatabaseAway, StoreAway, TokenRefused if the owner
        was deleted.
        """
        owner = batch.uploader.owner
        with self._quota.reserved(shard, batch.first.slot, batch.size, int(batch.first.expires_at)):
            try:
                self._run(shard, batch)
            except TokenRefused:
                if self._is_elsewhere(owner, shard):
                    raise DatabaseAway from None  # the owner's placeholder row has just been purged
                raise
        if self._is_elsewhere(owner, shard):
            self._check_owner(shard, batch.rows, owner)

    def _run(self, shard: Shard, batch: Batch) -> None:
        rows, owner, quotas = batch.rows, batch.uploader.owner, self._quotas.of(batch.uploader)
        with (
            self._large.put(rows, batch.lifetime) as others,
            self._quotas.explained(shard, quotas, batch.size, len(rows)),
            autocommit(shard.engine) as connection,
        ):
            before, after = quota_checks(connection, quotas, batch.size, len(rows))
            if self._is_elsewhere(owner, shard):
                before += owner_placeholder(connection, owner)
            tag = tag_of(quotas)
            before += b";".join(
                insertion(connection, row, own, tag) for (row, _), own in zip(rows, batch.owned, strict=True)
            )
            sealed = [(row.row_key, pieces) for row, pieces in others]
            self._store.put_all(connection, batch.first.slot, sealed, before, after)

    def _is_elsewhere(self, owner: UUID | None, shard: Shard) -> TypeGuard[UUID]:
        """Tell whether there is an owner, and their account is in another database than this shard."""
        return shard is not self._shards.home and owner is not None and owner != OPEN_CATALOG

    def _check_owner(self, shard: Shard, rows: list[SealedRow], owner: UUID) -> None:
        """Delete the images again if their owner was deleted meanwhile, since no foreign key refers to another
        database.

        Raises TokenRefused, DatabaseAway. In both cases the client has got no link, so nobody can open the images.
        """
        with autocommit(self._shards.home.engine) as connection:
            if owner_lives(connection, owner):
                return
        with transaction(shard.engine) as connection:
            for row, _ in rows:
                self._images.remove(connection, row)
        raise TokenRefused
