"""Feed the whole hostile corpus through the room: `python -m tests.imaging.fuzz [count] [seed]`."""

import io
import resource
import sys
import time
import warnings
from collections import Counter

from PIL import Image

from imaging import ImagingError, Limits, Picture, clean, convert, prove, recognise
from tests.imaging.corpus import SEED, corpus

LIMITS = Limits(max_pixels=4_000_000, seconds=2)
SLOWEST = 2.0
MOST_GROWTH = 64 << 20


class Unsound(AssertionError):
    """The room broke a promise on this file."""


def judge(data: bytes) -> str:
    """Say what became of the file; `Unsound` when it is neither a picture that opens nor a refusal."""
    for _ in range(2):  # a busy machine is slow once, a hostile file always
        started = time.monotonic()
        verdict = _judge(data)
        if time.monotonic() - started < SLOWEST:
            return verdict
    raise Unsound("took too long")


def _judge(data: bytes) -> str:
    try:
        picture = recognise(data, LIMITS)
        cleaned = bytes(clean(data, picture))
    except ImagingError as refusal:
        return type(refusal).__name__
    if len(cleaned) > len(data):
        raise Unsound("grew")
    if recognise(cleaned, LIMITS) != picture:
        raise Unsound("is another picture when cleaned")
    if clean(cleaned, picture) is not cleaned:
        raise Unsound("is not clean when cleaned")
    try:
        prove(cleaned, picture, LIMITS)
    except ImagingError as refusal:
        return f"{type(refusal).__name__} when proved ({picture.media_type})"
    _open(cleaned, picture)
    convert(cleaned, picture, "webp", 32, 32, LIMITS)
    return "accepted and opens"


def _open(data: bytes, picture: Picture) -> None:
    """Open every frame here, with Pillow, and see that it is what was said."""
    with Image.open(io.BytesIO(data)) as image:
        if Image.MIME[image.format or ""].replace("mpo", "jpeg") != picture.media_type:
            raise Unsound("opens as another format")
        if image.width * image.height > picture.width * picture.height:
            raise Unsound("opens larger than said")
        for number in range(picture.frames):
            image.seek(number)
            image.load()


def main(count: int, seed: int) -> int:
    """Judge `count` files, print the tally and return how many broke a promise."""
    warnings.simplefilter("ignore")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally, unsound, slowest = Counter[str](), 0, 0.0
    for name, data in corpus(count, seed):
        started = time.monotonic()
        try:
            verdict = judge(data)
        except Exception as error:
            verdict, unsound = f"UNSOUND {type(error).__name__}: {error}", unsound + 1
            sys.stderr.write(f"{name}: {verdict}\n")
        slowest = max(slowest, time.monotonic() - started)
        tally[verdict] += 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    for verdict, times in tally.most_common():
        sys.stdout.write(f"{times:7} {verdict}\n")
    sys.stdout.write(f"slowest {slowest:.2f} s, grown by {grown // 1024} MB\n")
    return unsound


if __name__ == "__main__":
    arguments = [int(word) for word in sys.argv[1:]]
    sys.exit(main(*arguments, *(5_000, SEED)[len(arguments) :]) > 0)
