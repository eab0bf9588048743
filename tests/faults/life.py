"""The model's rule of life: which answers an image may give, also to those who don't know what became of a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

GONE = 404


@dataclass(eq=False, kw_only=True)
class Life:
    """When an image ends: at its time, by its last view, or by a deletion."""

    expires_at: float
    """In seconds since 1970."""
    views: int | None
    """How many are left as far as answers told."""
    gone: bool = False
    unanswered: int = 0
    """Views that were asked for and not answered, so that nobody knows whether they were used."""
    doubtful: bool = False
    """Whether something that ends it was asked for and not answered."""

    def lived(self, began: float, ended: float) -> set[bool]:
        """Whether it was alive while something was asked; both where it ended meanwhile, or where nobody knows."""
        if self.gone or began >= self.expires_at:
            return {False}
        return {True, False} if self.doubtful or ended >= self.expires_at else {True}

    def view(self) -> None:
        """Note a view that was answered with the image."""
        assert self.views is not None
        self.views -= 1
        self.gone = self.views == 0
        self._doubt()

    def view_unanswered(self) -> None:
        """Note a view that may have been used."""
        self.unanswered += 1
        self._doubt()

    def _doubt(self) -> None:
        self.doubtful = self.doubtful or (self.views or 0) <= self.unanswered > 0


def allowed(lived: set[bool], *alive: int) -> set[int]:
    """Return the statuses that are due: those of a living image, 404 of one that is over."""
    return {*(alive if True in lived else ()), *((GONE,) if False in lived else ())}


def expiry(told: dict[str, Any]) -> float:
    """Return when an image ends by the answer to its upload."""
    return datetime.fromisoformat(told["expires_at"]).timestamp()
