"""Stores what the requests' work is now, on purpose: `.venv/bin/python -m tests.work.store`."""

from __future__ import annotations

import json
import sys

from tests.work.compare import STORED, complaints, stored
from tests.work.count import counted


def main() -> None:
    now = counted()
    if STORED.exists():
        sys.stdout.write("".join(f"{line}\n" for line in complaints(stored(), now)))
    STORED.write_text(json.dumps(now, indent=1) + "\n")


if __name__ == "__main__":
    main()
