import json
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from imaging import ImagingError, Limits, convert, examine
from imaging.conversion import _conversions
from tests.imaging.samples import read, save

MEASURE = """
import json, re, sys, time
from pathlib import Path
from imaging import ImagingError, examine

def peak():
    return int(re.findall(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[0])

data, before = sys.stdin.buffer.read(), peak()
started = time.process_time()
try:
    examine(data)
    said = "accepted"
except ImagingError as refusal:
    said = type(refusal).__name__
print(json.dumps([said, time.process_time() - started, peak() - before, peak()]))
"""


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, megabytes: int, *extra: bytes) -> bytes:
    """Return a PNG that says its size and unpacks to so many megabytes of nothing."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    body = chunk(b"IDAT", squeezed(megabytes))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + body + chunk(b"IEND", b"")


@cache
def squeezed(megabytes: int) -> bytes:
    squeezer = zlib.compressobj(9)
    return b"".join(squeezer.compress(bytes(1 << 20)) for _ in range(megabytes)) + squeezer.flush()


def jpeg(width: int, height: int) -> bytes:
    data = read("hopper.jpg")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def gif(frames: int) -> bytes:
    frame = b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"
    return b"GIF89a" + struct.pack("<HH", 8000, 8000) + b"\0\0\0" + frame * frames + b";"


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "the gif of the wild": (lambda: read("decompression_bomb.gif"), "TooManyPixels"),
    "a png of a billion pixels": (lambda: png(50_000, 50_000, 100), "TooManyPixels"),
    "a png just over": (lambda: png(8_000, 8_001, 245), "TooManyPixels"),
    "a png just under": (lambda: png(8_000, 8_000, 245), "accepted"),
    "a small png that unpacks to 200 MB": (lambda: png(16, 16, 200), "accepted"),
    "a text of 100 MB": (lambda: png(16, 16, 1, chunk(b"zTXt", b"note\0\0" + squeezed(100))), "accepted"),
    "a profile of 100 MB": (lambda: png(16, 16, 1, chunk(b"iCCP", b"icc\0\0" + squeezed(100))), "accepted"),
    "a jpeg of 4 billion pixels": (lambda: jpeg(65_500, 65_500), "TooManyPixels"),
    "a gif of 1,999 large frames": (lambda: gif(1_999), "TooManyPixels"),
}
"""How each is made, and what becomes of it. Made when asked for: every process of a run imports this."""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_costs_under_50_mb_and_100_ms(name: str) -> None:
    make, expected = BOMBS[name]
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, input=make(), capture_output=True, check=True)
    said, seconds, grown, whole = json.loads(done.stdout)
    assert said == expected
    assert seconds < 0.1
    assert grown < 10_000
    assert whole < 50_000


def sandbox_peak() -> int:
    pid = _conversions._idle[0].process.pid
    return int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0])


def test_an_avif_that_is_larger_than_it_says_gets_the_memory_of_the_largest_that_is_allowed() -> None:
    large = save(Image.new("RGB", (8000, 8000), "teal"), "AVIF", speed=10)
    size = struct.pack(">II", 8000, 8000)
    liar = large.replace(size, struct.pack(">II", 60, 60))
    assert liar != large
    with pytest.raises(ImagingError):
        examine(liar, Limits(max_pixels=1_000_000))


@pytest.mark.parametrize(
    "name", ["a small png that unpacks to 200 MB", "a text of 100 MB", "a profile of 100 MB"]
)
def test_converting_an_accepted_bomb_stays_small(name: str) -> None:
    data = BOMBS[name][0]()
    _conversions.close()
    try:
        convert(data, examine(data)[0], "webp")
    except ImagingError:
        assert not _conversions._idle
    else:
        assert sandbox_peak() < 120_000
