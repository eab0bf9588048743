"""Where sealed bytes go, and where they may be, by the settings."""

from __future__ import annotations

from typing import NamedTuple

from config import Config
from services import LargeImages, counts
from storage import BucketSettings, CiphertextStore, ObjectStore, RowStore, open_object_store


class Stores(NamedTuple):
    """The stores: all are known though new images may go elsewhere now, since rows may still name them.

    ``rows`` is the one of the two in PostgreSQL that takes new images.
    """

    rows: RowStore
    in_rows: tuple[RowStore, RowStore]
    objects: ObjectStore | None
    large: LargeImages

    @property
    def by_name(self) -> dict[str, CiphertextStore]:
        """Every store by the name that rows have for it."""
        every: tuple[CiphertextStore, ...] = (*self.in_rows, *filter(None, [self.objects]))
        return {store.name: store for store in every}


def stores_of(config: Config) -> Stores:
    """Make the stores; none is asked anything yet."""
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
