"""One transfer over the network: a body that is received, or an answer that is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services import Allowance, counts

GRACE_SECONDS = 10.0
"""The age from which on ``LEAST_RATE`` applies to a transfer."""
LEAST_RATE = 2048
"""The lowest allowed average rate of a transfer since its beginning, in bytes a second."""
LONGEST_STALL_SECONDS = 30.0


@dataclass(eq=False)
class Transfer:
    """The progress of a body that comes in, or of an answer that a client reads; times are by time.monotonic()."""

    allowance: Allowance
    """The memory that it holds."""
    stop: Callable[[], object]
    """Called to end it."""
    ends_at: float | None = None
    """When it is cut off in any case."""
    ask: Callable[[], None] | None = None
    """Called once when it has lasted a while, to set ``ends_at``."""
    moved: int = 0
    left: int = 0
    """How many bytes in the kernel the client has not acknowledged, when that was last looked up."""
    begun: float = field(default_factory=time.monotonic)
    whole: bool = True
    """Whether a body was received to its end."""
    waits_since: float | None = None
    """Since when it waits for the network; None while it doesn't wait."""
    ended: bool = False
    """Whether ``end`` was called, as opposed to an end by the client."""

    def wait(self) -> None:
        """Note that it waits for the network from now on."""
        self.waits_since = time.monotonic()

    def move(self, size: int) -> None:
        """Note that ``size`` bytes were sent or received."""
        self.moved += size
        self.waits_since = None

    def end(self) -> None:
        """End it, because it is too slow or its image has expired."""
        self.ended = True
        counts.CUT_OFF.add()
        self.stop()

    def stalled(self, now: float) -> float:
        """Return for how many seconds it has been waiting for the network; ``now`` is by time.monotonic()."""
        return 0.0 if self.waits_since is None else now - self.waits_since

    def too_slow(self, now: float) -> bool:
        """Tell whether it is slower than allowed, or its image has expired; ``now`` is by time.monotonic()."""
        if self.ends_at is not None and now >= self.ends_at:
            return True
        age = now - self.begun
        if self.waits_since is None or age < GRACE_SECONDS:
            return False
        return self.moved < LEAST_RATE * age or self.stalled(now) > LONGEST_STALL_SECONDS
