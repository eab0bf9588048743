"""``python app.py`` with workers that rest after a second rather than five.

BEFORE_REST names a file that a worker makes when it is about to accept no more; it then waits for a moment.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import server
import worker
from front import leave_to_others


def wait_and_leave() -> bool:
    if name := os.environ.get("BEFORE_REST"):
        Path(name).touch()
        time.sleep(0.5)
    return leave_to_others()


worker.REST_SECONDS = 1.0
worker.leave_to_others = wait_and_leave  # type: ignore[attr-defined]

if __name__ == "__main__":
    server.main()
