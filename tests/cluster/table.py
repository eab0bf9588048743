"""Tables for docs/measurements, as they are printed."""

from __future__ import annotations

import sys


def line(*cells: object) -> str:
    """One row in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


def say(*lines: str) -> None:
    """Print lines at once."""
    sys.stdout.writelines(f"{each}\n" for each in lines)
    sys.stdout.flush()
