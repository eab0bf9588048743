"""JPEGs of noise: the same bytes in each run, without metadata that an upload would remove."""

import io
import random
from functools import cache

from PIL import Image

from imaging import examine

SIZES = {"100 KB": 100_000, "1 MB": 1_000_000, "10 MB": 10_000_000}


@cache
def noise_jpeg(size: int, seed: int = 0) -> bytes:
    """Return a JPEG of noise of at most ``size`` bytes; its height is chosen so that it comes close to ``size``."""
    width = {100_000: 320, 1_000_000: 1024, 10_000_000: 3200}.get(size, 640)
    low, high = 8, width * 4
    while high - low > 8:
        height = (low + high) // 2
        if len(_encoded(width, height, seed)) <= size:
            low = height
        else:
            high = height
    jpeg = _encoded(width, low, seed)
    return bytes(examine(jpeg)[1])


def _encoded(width: int, height: int, seed: int) -> bytes:
    pixels = random.Random(seed).randbytes(width * height * 3)
    out = io.BytesIO()
    Image.frombytes("RGB", (width, height), pixels).save(out, "JPEG", quality=90)
    return out.getvalue()
