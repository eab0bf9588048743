from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Expiry = Literal["sweep", "swift", "seaweedfs"]
"""What deletes an expired object: Mayfly's sweep, or the store itself, by Swift's header or by SeaweedFS's TTL."""


@dataclass(frozen=True)
class BucketSettings:
    """The bucket, its address and the credentials; without an endpoint the bucket is Amazon's."""

    name: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    endpoint: str | None = None
    expiry: Expiry = "sweep"
    filer: str | None = None
    """The URL of SeaweedFS's filer, which takes objects with a TTL."""
    connections: int = 8
    """How many requests of one process may be under way at once."""

    @property
    def base(self) -> str:
        """The bucket's URL. The name of the bucket is in the path; for Amazon it is in the host."""
        if self.endpoint:
            return f"{self.endpoint.rstrip('/')}/{self.name}"
        return f"https://{self.name}.s3.{self.region}.amazonaws.com"
