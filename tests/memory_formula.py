"""The formula of memory in docs/operations.md, "Processes and memory", as tests compare it with what they see."""

from __future__ import annotations

from config import Config

MIB = 2**20
IDLE = 125 * MIB
"""What a worker takes that has nothing to do, with everything on."""
IDLE_MAIN = 45 * MIB
"""The main process, which doesn't load the application."""
IDLE_MAIN_WITH_METRICS = 135 * MIB
IDLE_ALL = 140 * MIB
"""The main process, two workers and the embedded PostgreSQL, where shared memory counts once."""
IDLE_RESTING = 100 * MIB
"""The same while the workers rest."""
SHARED = 25 * MIB
"""What each of several idle workers shares with the others at least, and has alone at most."""
COPIES = 2
"""Of the images in flight: themselves, and at worst as much again in the buffers of the database's driver."""
MEDIUM = 4
"""Images of up to 2 MiB have a quarter of the images in flight for themselves."""
DEAR_THREADS = 4
"""Threads beside THREADS, for what is dear."""
PIECE = MIB // 2
"""Of a long answer, on its way to the HTTP server."""
BODIES = 1024 * MIB // 2
"""Bodies of up to 256 KiB that nobody sends to their end, with as much again in the buffers of their connections."""
UNREAD = 64 * MIB
"""Answers of up to 256 KiB, until their clients have read them."""
KEPT = 48 * MIB
"""What the allocator keeps free to use again."""
STRETCH = 32 * MIB
STRETCHES = 1
"""Argon2id (crypto/README.md): so many at once in a process."""
UPLOADS, CONVERSIONS = 2, 1
"""Sandboxes at once for each worker."""
SANDBOX_IDLE = 60 * MIB
SANDBOX_BASE = 64 * MIB
UPLOAD_PER_PIXEL, CONVERSION_PER_PIXEL = 24, 36
"""Bytes that a sandbox may take for each pixel of the largest image, where the kernel ends it."""


def growth(config: Config) -> int:
    """The most bytes beyond an idle worker, without small bodies and answers that nobody sends or reads."""
    images = COPIES * (config.bytes_in_flight + config.bytes_in_flight // MEDIUM)
    pieces = (config.threads + DEAR_THREADS) * PIECE
    return images + pieces + KEPT + STRETCHES * STRETCH


def worker(config: Config) -> int:
    """The most bytes of a worker, without small bodies and answers that nobody sends or reads."""
    return IDLE + growth(config)


def sandboxes(config: Config) -> int:
    """The most bytes of all sandboxes of all workers."""
    base = SANDBOX_IDLE + SANDBOX_BASE
    upload = base + UPLOAD_PER_PIXEL * config.max_pixels + 4 * config.max_image_bytes
    conversion = base + CONVERSION_PER_PIXEL * config.max_conversion_pixels + 3 * config.max_image_bytes
    return config.workers * (UPLOADS * upload + CONVERSIONS * conversion)
