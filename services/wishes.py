from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Wishes:
    """What an uploader may ask for; None leaves it to the server."""

    lifetime: int | None = None
    views: int | None = None
    password: str | None = field(default=None, repr=False)
    filename: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    model_id: str | None = None
    keep_metadata: bool = False
