"""``python app.py`` with workers that rest after a second rather than five.

BEFORE_REST names a file that a worker makes when it is about to accept no more; it then waits for a moment.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import server
import worker
from front import accept_no_more


def wait_and_accept_no_more() -> bool:
    if name := os.environ.get("BEFORE_REST"):
        Path(name).touch()
        time.sleep(0.5)
    return accept_no_more()


worker.REST_SECONDS = 1.0
worker.accept_no_more = wait_and_accept_no_more  # type: ignore[attr-defined]

if __name__ == "__main__":
    server.main()
