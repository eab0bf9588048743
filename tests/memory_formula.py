"""The formula of memory in docs/operations.md, "Processes and memory", as tests compare it with what they see."""

from __future__ import annotations

from config import Config

MIB = 2**20
IDLE = 105 * MIB
"""What a worker takes that has nothing to do."""
COPIES = 2
"""Of the images in flight: themselves, and at worst as much again in the buffers of the database's driver."""
THREADS_EACH = 4
"""Threads for each connection to the database; each sends a piece of an answer."""
PIECE = MIB
KEPT = 48 * MIB
"""What the allocator keeps free to use again."""
STRETCH = 32 * MIB
STRETCHES = 1
"""Argon2id (crypto/README.md): so many at once in a process."""
SANDBOXES = 2
"""Sandboxes at once for each worker."""
SANDBOX_BASE = 64 * MIB
SANDBOX_PER_PIXEL = 4 * 10
"""Bytes that a sandbox may take for each pixel of the largest image, where the kernel ends it."""


def growth(config: Config) -> int:
    """The most bytes that a worker takes beyond an idle one, without small answers that nobody reads."""
    pieces = THREADS_EACH * config.threads * PIECE
    return COPIES * config.bytes_in_flight + pieces + KEPT + STRETCHES * STRETCH


def worker(config: Config) -> int:
    """The most bytes of a worker that has no small answers waiting."""
    return IDLE + growth(config)


def sandboxes(config: Config) -> int:
    """The most bytes of all sandboxes of all workers."""
    each = SANDBOX_BASE + SANDBOX_PER_PIXEL * config.max_pixels + 3 * config.max_image_bytes
    return config.workers * SANDBOXES * each
