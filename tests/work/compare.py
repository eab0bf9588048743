"""What counted work is held against: the stored figures, and how far one may grow."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STORED = Path(__file__).parent / "counted.json"
STORE = ".venv/bin/python -m tests.work.store"
EXACT = ("statements", "round trips", "messages to PostgreSQL")
MARGINS = {"bytes to PostgreSQL": 0.02, "bytes from PostgreSQL": 0.02}
SLACK = {"bytes to PostgreSQL": 16, "bytes from PostgreSQL": 16}
"""Bytes: a slot's number has one digit or three, depending on the time. Multiples of an image have 0.01."""


def stored() -> dict[str, Any]:
    return dict(json.loads(STORED.read_text()))


def complaints(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """A sentence for every figure beyond its margin, and for every request that only one side knows."""
    before, after = was["requests"], now["requests"]
    told = [f"{name}: counted on one side only" for name in sorted(set(before) ^ set(after))]
    for name in [name for name in after if name in before]:
        told += _grown(name, before[name], after[name])
    return told


def _grown(name: str, before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[str]:
    for figure in before.keys() | after.keys():
        if figure not in before or figure not in after:
            yield f"{name}: {figure}: counted on one side only"
            continue
        old, new = before[figure], after[figure]
        if figure in EXACT:
            if old != new:
                yield f"{name}: {figure} {'grew' if new > old else 'fell'} from {old:,} to {new:,}"
            continue
        margin = MARGINS[figure]
        slack = 0.01 if isinstance(old, float) else SLACK.get(figure, 0)
        if new > old * (1 + margin) + slack:
            share = f"{new / old - 1:+.1%}" if old else "from nothing"
            yield f"{name}: {figure} grew from {old:,} to {new:,} ({share}; {margin:.0%} is allowed)"
