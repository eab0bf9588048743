"""A cleaned file as parts of the original: spans that are kept, spans that get new bytes; all else is removed."""

from collections.abc import Iterable
from typing import NamedTuple

from imaging.picture import Data

Span = tuple[int, int]


class Part(NamedTuple):
    """The bytes from `start` to `end` of the original, or `new` in their place."""

    start: int
    end: int
    new: bytes | None = None


def merged(spans: list[Span]) -> list[Span]:
    """Return the spans sorted, those that touch or overlap as one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return found


def join(data: Data, parts: Iterable[Part]) -> Data:
    """Return the parts, joined in their order; `data` itself when they are the whole of it, unchanged."""
    view = memoryview(data)
    merged: list[Part] = []
    for part in parts:
        if part.new is not None and view[part.start : part.end] != part.new:
            merged.append(part)
        elif part.start >= part.end:
            continue
        elif merged and merged[-1].new is None and merged[-1].end == part.start:
            merged[-1] = Part(merged[-1].start, part.end)
        else:
            merged.append(Part(part.start, part.end))
    if merged == [Part(0, len(view))]:
        return data
    return b"".join(view[part.start : part.end] if part.new is None else part.new for part in merged)
