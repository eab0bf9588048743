from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Expiry = Literal["sweep", "swift", "seaweedfs"]
"""Who removes an object that is over: a sweep of ours, or the store itself, told in Swift's or in SeaweedFS's way."""


@dataclass(frozen=True)
class BucketSettings:
    """Where the bucket is, and who asks; without an endpoint it is Amazon's."""

    name: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    endpoint: str | None = None
    expiry: Expiry = "sweep"
    filer: str | None = None
    """The address of SeaweedFS's filer, which takes objects with a lifetime."""
    connections: int = 8
    """How many requests of one process may be under way at once."""

    @property
    def base(self) -> str:
        """The bucket's address, with its name in the path; Amazon wants it in the host."""
        if self.endpoint:
            return f"{self.endpoint.rstrip('/')}/{self.name}"
        return f"https://{self.name}.s3.{self.region}.amazonaws.com"
