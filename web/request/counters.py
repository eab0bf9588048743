"""Counts that all processes of a machine share, in memory that is made before they are forked; no file is written."""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
import time
from typing import TYPE_CHECKING

from units import Rate
from web.request.windows import Window, weighed

if TYPE_CHECKING:
    from web.request.valkey import ValkeyCounters

PLACES = 65_536
"""How many clients are counted at a time, once for each limit that they meet: 2 MiB."""
WAYS = 8
"""A key may lie in one of so many places."""
_ENTRY = struct.Struct("<Qiidd")
"""The key, the count of the window before, the count of this one, when it ends, and how long one is, in seconds."""
_ROW = WAYS * _ENTRY.size
_KEYS = 2**64


def counters_at(url: str | None, nearby: Counters) -> Counters | ValkeyCounters:
    """Return what counts in the Valkey or Redis at a URL, or ``nearby`` where there is no URL."""
    if url is None:
        return nearby
    from web.request.valkey import ValkeyCounters  # its client takes 30 MB

    return ValkeyCounters(url, nearby)


class Counters:
    """Counts by keys in a table of fixed size; its methods may be called in any thread of any process.

    Keys under ``WAYS`` have places of their own. Any other key lies in one of the ``WAYS`` places of a row that the key
    names. In a full row, the place with the smallest count is taken, so that nobody's large count is pushed out by keys
    that are made up; the keys have to be secret for that.
    """

    def __init__(self, places: int = PLACES, shared: tuple[mmap.mmap, int] | None = None) -> None:
        """Count in memory of its own, or in ``shared``: memory of several, and a file of which they lock rows.

        The file stays empty: a process may lock bytes that a file has not.
        """
        size = (1 + max(1, places // WAYS)) * _ROW
        self._memory, self._file = shared or (mmap.mmap(-1, size), os.memfd_create("mayfly-limits"))
        self._rows = len(self._memory) // _ROW - 1
        self._threads = threading.Lock()

    def __del__(self) -> None:
        os.close(self._file)

    def take(self, key: int, rate: Rate, amount: int = 1) -> Window:
        """Count ``amount`` more under a key where the rate allows it, and tell what it allows from now on.

        A negative amount gives back what was counted.
        """
        key %= _KEYS
        row = 0 if key < WAYS else 1 + key % self._rows
        with self._threads:
            # Keeps other processes from the row; the kernel unlocks it where this one is killed meanwhile.
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, row)
            try:
                return self._take(row, key, rate, amount)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, row)

    def _take(self, row: int, key: int, rate: Rate, amount: int) -> Window:
        now = time.monotonic()
        place = self._place(row, key, now)
        known, before, count, end, seconds = _ENTRY.unpack_from(self._memory, place)
        if known != key or now >= end + seconds:
            before, count, end = 0, 0, now + rate.seconds
        elif now >= end:
            before, count, end = count, 0, end + seconds
        window = weighed(rate, before, count, end - now, amount)
        if window.admitted:
            count = max(0, count + amount)
            _ENTRY.pack_into(self._memory, place, key, before, count, end, float(rate.seconds))
        return window

    def _place(self, row: int, key: int, now: float) -> int:
        """Return the place of a key, or the one to put it into: an expired one, or that with the smallest count."""
        start = row * _ROW
        found = self._memory.find(key.to_bytes(8, "little"), start, start + _ROW)
        if found >= 0 and (found - start) % _ENTRY.size == 0:
            return found
        counts = []
        for place in range(start, start + _ROW, _ENTRY.size):
            known, before, count, end, seconds = _ENTRY.unpack_from(self._memory, place)
            if known == key:
                return place
            counts.append((before + count if now < end + seconds else -1, place))
        return min(counts)[1]
