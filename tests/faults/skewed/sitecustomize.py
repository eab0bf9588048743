"""What a Python whose clock is off reads first, with this folder in PYTHONPATH.

libfaketime 0.9.10 has clock_nanosleep fail with EINVAL where the monotonic clock is left as it is, so sleep by select.
"""

import select
import time


def _sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = _sleep  # type: ignore[assignment]
