"""A body on its way in, or an answer on its way out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services import Allowance, counts

GRACE_SECONDS = 10.0
"""How old a transfer may become before ``LEAST_RATE`` holds for it."""
LEAST_RATE = 2048
"""Bytes a second, on average since its beginning, that a body or an answer has to move at least."""
LONGEST_STALL_SECONDS = 30.0


@dataclass(eq=False)
class Transfer:
    """A transfer between the network and a request: a body that comes in, or an answer that a client reads."""

    allowance: Allowance
    """What it holds."""
    stop: Callable[[], object]
    """Called to end it."""
    ends_at: float | None = None
    """When it is cut off in any case, by this process's monotonic clock."""
    ask: Callable[[], None] | None = None
    """Called once when it has taken a while, to find out when it ends."""
    moved: int = 0
    left: int = 0
    """Bytes in the kernel that the client has yet to take, as far as they are looked at."""
    begun: float = field(default_factory=time.monotonic)
    whole: bool = True
    """Whether a body has come to its end."""
    waits_since: float | None = None
    """Since when it waits for the network; None while it doesn't."""
    ended: bool = False
    """Whether it was ended for being slow, and not by its client."""

    def wait(self) -> None:
        """Note that it waits for the network from now on."""
        self.waits_since = time.monotonic()

    def move(self, size: int) -> None:
        """Note that the network took or gave so many bytes."""
        self.moved += size
        self.waits_since = None

    def end(self) -> None:
        """End it, since it is too slow or its image has ended."""
        self.ended = True
        counts.CUT_OFF.add()
        self.stop()

    def stalled(self, now: float) -> float:
        """Return for how many seconds it has waited for the network."""
        return 0.0 if self.waits_since is None else now - self.waits_since

    def too_slow(self, now: float) -> bool:
        """Tell whether it is slower than a client may be, or its image has ended."""
        if self.ends_at is not None and now >= self.ends_at:
            return True
        age = now - self.begun
        if self.waits_since is None or age < GRACE_SECONDS:
            return False
        return self.moved < LEAST_RATE * age or self.stalled(now) > LONGEST_STALL_SECONDS
