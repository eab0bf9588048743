"""Sliding window counters, the same rule for counts in memory and in Valkey."""

from __future__ import annotations

from typing import NamedTuple

from units import Rate


class Window(NamedTuple):
    """Whether a count was allowed, how many more are allowed now, and in how many seconds more will be."""

    admitted: bool
    remaining: int
    seconds: int


def weighed(rate: Rate, before: int, count: int, left: float, amount: int = 1) -> Window:
    """Judge ``amount`` more than ``count``, in a window with ``left`` seconds left and ``before`` in the one before it.

    The window before counts by the part of it that is less than ``rate.seconds`` ago, as in ``limits``
    (https://limits.readthedocs.io/en/stable/strategies.html#sliding-window-counter).
    """
    carried = before * left / rate.seconds
    admitted = int(carried) + count + amount <= rate.amount
    counted = count + amount if admitted else count
    remaining = max(0, rate.amount - int(carried) - counted)
    # There is room for one more once less than `room` is carried over from the window before.
    room = int(carried) if remaining else rate.amount - counted
    wait = left - room * rate.seconds / before if before and room > 0 else left
    return Window(admitted, remaining, min(int(wait) + 1, rate.seconds))
