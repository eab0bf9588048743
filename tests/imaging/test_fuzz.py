"""The short form of `make fuzz`: what hostile files cost, in a server process and in a sandbox."""

import ctypes
import json
import subprocess
import sys
import time

import pytest

from tests.imaging.fuzz.files import GENERATORS, MOST, drawn
from tests.imaging.fuzz.judge import MB, PARTS, Bound, Cost, cost_of
from tests.imaging.samples import read

SIZES = (3_000, 60_000, 600_000)


def judged(name: str, data: bytes) -> None:
    for part, (work, bound) in PARTS.items():
        cost = cost_of(work, data)
        assert not bound.broken_by(cost, len(data)), f"{name}, {len(data)} bytes, in the {part}: {cost}"


@pytest.mark.parametrize("name", GENERATORS)
def test_a_hostile_file_costs_little_wherever_it_is_walked(name: str) -> None:
    for seed, room in enumerate(SIZES):
        judged(name, drawn(name, seed, room))


@pytest.mark.parametrize("name", [name for name in GENERATORS if name.startswith(("png", "jpeg"))])
def test_a_hostile_file_of_20_mib_costs_little_where_the_keys_are(name: str) -> None:
    judged(name, drawn(name, 0, MOST - 32_768))


def test_the_judge_sees_what_a_file_costs() -> None:
    def spin(_: bytes) -> None:
        until = time.process_time() + 0.4
        while time.process_time() < until:
            pass

    small = Bound(0.25, 1, 32 * MB)
    assert not small.broken_by(cost_of(len, b"12345678"), 8)
    assert small.broken_by(cost_of(spin, b""), 0)
    ctypes.CDLL(None).malloc_trim(0)  # else it could use what other tests have freed, and cost no memory
    assert small.broken_by(cost_of(lambda _: bytearray(100 * MB), b""), 0)
    assert small.broken_by(cost_of(lambda _: bytearray(4096 * MB), b""), 0)
    assert small.broken_by(cost_of(lambda data: data[7], b""), 0)
    assert not small.broken_by(Cost(0.1, 40 * MB, "accepted"), 10 * MB)


SERVER = """
import json, re, sys, time
from pathlib import Path
from imaging import ImagingError, examine

def kilobytes(field):
    return int(re.search(field + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

examine(Path("tests/images/hopper.gif").read_bytes())
data = sys.stdin.buffer.read()
before, started = kilobytes("VmRSS"), time.process_time()
try:
    said = len(examine(data)[1])
except ImagingError as refusal:
    said = str(refusal)
print(json.dumps([said, time.process_time() - started, kilobytes("VmHWM") - before]))
"""


def whole(name: str) -> bytes:
    """Return a file of 20 MiB that is accepted and of which nearly all is kept, but not all."""
    data = read(name)
    if name.endswith(".gif"):
        comment, frame = b"!\xfe\x01.\0", b",\0\0\0\0\x80\0\x80\0\0\x08"
        codes = (b"\xff" + bytes(255)) * ((MOST - len(data) - 64) // 256)
        return data[:-1] + comment + frame + codes + b"\0;"
    if name.endswith(".webp"):
        extra = b"ICCP" + (MOST - 1_000 - len(data)).to_bytes(4, "little") + bytes(MOST - 1_000 - len(data))
        canvas = b"VP8X\x0a\0\0\0\x28\0\0\0\x7f\0\0\x7f\0\0"
        body = b"WEBP" + canvas + extra + data[12:] + b"JUNK\4\0\0\0...."
        return b"RIFF" + len(body).to_bytes(4, "little") + body
    return data + (MOST - len(data)).to_bytes(4, "big") + b"skip" + bytes(MOST - len(data) - 9) + b"."


@pytest.mark.parametrize("name", ["hopper.gif", "hopper.webp", "hopper.avif"])
def test_a_server_process_pays_for_the_pipe_alone(name: str) -> None:
    data = whole(name)
    done = subprocess.run([sys.executable, "-c", SERVER], input=data, capture_output=True, check=True)
    said, seconds, kilobytes = json.loads(done.stdout)
    assert len(data) >= MOST - 1_000
    assert isinstance(said, int), said
    assert said < len(data)
    assert seconds < 0.25
    assert kilobytes * 1024 < len(data) + 32 * MB
