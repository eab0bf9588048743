"""Makes the stores of sealed bytes by the settings."""

from __future__ import annotations

from typing import NamedTuple

from config import Config
from services import LargeImages, counts
from storage import BucketSettings, CiphertextStore, ObjectStore, RowStore, open_object_store


class Stores(NamedTuple):
    """All stores, also those that take no new images by the current settings, since rows may still name them.

    ``in_rows`` are the two stores in PostgreSQL; ``rows`` is the one of them that takes new images.
    """

    rows: RowStore
    in_rows: tuple[RowStore, RowStore]
    objects: ObjectStore | None
    large: LargeImages

    @property
    def by_name(self) -> dict[str, CiphertextStore]:
        """All stores by their names in ``images.store``."""
        every: tuple[CiphertextStore, ...] = (*self.in_rows, *filter(None, [self.objects]))
        return {store.name: store for store in every}


def stores_of(config: Config) -> Stores:
    """Make the stores; this connects to none of them."""
    objects = _objects(config)
    large = LargeImages(objects if config.ciphertext_store == "s3" else None, config.s3_from_bytes)
    logged, unlogged = RowStore(), RowStore(survives_crash=False)
    return Stores(logged if config.survive_crash else unlogged, (logged, unlogged), objects, large)


def _objects(config: Config) -> ObjectStore | None:
    if not (config.s3_bucket_name and config.aws_access_key_id and config.aws_secret_access_key):
        return None
    settings = BucketSettings(
        name=config.s3_bucket_name,
        region=config.aws_region,
        access_key=config.aws_access_key_id,
        secret_key=config.aws_secret_access_key,
        endpoint=config.s3_endpoint_url,
        expiry=config.s3_expiry,
        filer=config.s3_filer_url,
        connections=config.threads,
    )
    return open_object_store(settings, counts.STORE_REQUESTS.add)
