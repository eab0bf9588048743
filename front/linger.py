"""Lingering close (RFC 9112, 9.6): reads the rest of a body whose request was already answered.

If the server closes a connection while the client still sends, the connection is reset, and most clients then never see
the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

LINGER_SECONDS = 5.0
LINGER_BYTES = 64 * 1024 * 1024


async def read_on(receive: Callable[[], Awaitable[dict[str, Any]]]) -> bool:
    """Read and discard the rest of a body, up to LINGER_SECONDS and LINGER_BYTES; return whether it was complete."""
    left = LINGER_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return True
                left -= len(message["body"])
    return False
