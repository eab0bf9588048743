"""Real JPEGs of noise, of an exact size, the same bytes on every run."""

import io
import random
from functools import cache

from PIL import Image

SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "10 MB": 10_000_000}


@cache
def noise_jpeg(size: int, seed: int = 0) -> bytes:
    """A decodable JPEG of exactly `size` bytes: noise cut to the right height, the rest a comment."""
    width = {100_000: 320, 1_000_000: 1024, 10_000_000: 3200}.get(size, 640)
    low, high = 8, width * 4
    while high - low > 8:
        height = (low + high) // 2
        if len(_encoded(width, height, seed)) + 4 <= size:
            low = height
        else:
            high = height
    return _padded(_encoded(width, low, seed), size)


def _encoded(width: int, height: int, seed: int) -> bytes:
    pixels = random.Random(seed).randbytes(width * height * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (width, height), pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


def _padded(jpeg: bytes, size: int) -> bytes:
    """Fills up with comment segments, which stand right behind the first marker."""
    missing, noise, comments = size - len(jpeg), random.Random(size), b""
    while missing:
        step = missing if missing <= 65_537 else min(65_537, missing - 4)
        comments += b"\xff\xfe" + (step - 2).to_bytes(2) + noise.randbytes(step - 4)
        missing -= step
    return jpeg[:2] + comments + jpeg[2:]
