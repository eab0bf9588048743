"""The rest of a body whose request is answered already (RFC 9112, 9.6): read on, so that the client sees the answer.

A connection that is closed while its client sends is reset, and most clients then never see what they were told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

LINGER_SECONDS = 5.0
LINGER_BYTES = 64 * 1024 * 1024


async def read_on(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
    """Read on and throw away what comes, for a bounded time and size; tell whether the body came to its end."""
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return True
                left -= len(message["body"])
    return False
