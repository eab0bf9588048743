"""How slow a client may be, in both directions."""

from __future__ import annotations

LEAST_RATE = 4 * 1024
"""Bytes a second that a body has to come at, or an answer has to be read at, on the average after the grace."""
GRACE_SECONDS = 10.0
STALL_SECONDS = 0.5
STALL_BYTES = 16 * 1024
"""Where others wait for memory, a client that moves fewer bytes within ``STALL_SECONDS`` counts as stalled."""


class Pace:
    """How a body or an answer moves; times are seconds of the monotonic clock."""

    def __init__(self, now: float) -> None:
        self.began = now
        self.moved_at = now
        self._counted = 0

    def note(self, now: float, moved: int) -> None:
        """Take note of how many bytes have moved in all."""
        if moved - self._counted >= STALL_BYTES:
            self._counted, self.moved_at = moved, now

    def pause(self, seconds: float, now: float) -> None:
        """Leave out a time in which the client was not the one to wait for."""
        self.began += seconds
        self.moved_at = now

    def stalled(self, now: float) -> float:
        """For how many seconds it has hardly moved."""
        return now - self.moved_at

    def too_slow(self, now: float, moved: int) -> bool:
        """Whether it stays under the least rate."""
        return moved < (now - self.began - GRACE_SECONDS) * LEAST_RATE
