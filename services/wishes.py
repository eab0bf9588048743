from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Wishes:
    """The options of an upload; None leaves a choice to the server. ``lifetime`` is in seconds."""

    lifetime: int | None = None
    views: int | None = None
    password: str | None = field(default=None, repr=False)
    filename: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    model_id: str | None = None
    keep_metadata: bool = False
