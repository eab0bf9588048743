"""All generators of hostile files by name, and files drawn from them, the same ones for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.imaging.corpus import change_a_length, mend
from tests.imaging.fuzz.avif import AVIF
from tests.imaging.fuzz.png_and_jpeg import JPEG, PNG
from tests.imaging.fuzz.riff_and_gif import GIF, WEBP
from tests.imaging.fuzz.shapes import Generator

MOST = 20 << 20
"""As MAX_IMAGE_BYTES comes."""
LEAST = 300
MARGIN = 16 << 10
SEED = 20_261_125
GENERATORS: dict[str, Generator] = {
    f"{name} {generator.__name__}": generator
    for name, generators in (("avif", AVIF), ("gif", GIF), ("webp", WEBP), ("png", PNG), ("jpeg", JPEG))
    for generator in generators
}


def drawn(name: str, seed: int, room: int) -> bytes:
    """Return the file that a generator makes of a seed, at most about so many bytes and never over `MOST`."""
    chance = random.Random(f"{name} {seed} {room}")
    data = GENERATORS[name](chance, room)[:MOST]
    if chance.random() < 0.1:
        changed = change_a_length(chance, bytearray(data))
        mend(changed)
        data = bytes(changed)
    return data


def files(seed: int = SEED) -> Iterator[tuple[str, bytes]]:
    """Yield files without end: every generator in turn, small ones as often as the largest."""
    chance = random.Random(seed)
    while True:
        for name in GENERATORS:
            room = (
                MOST - MARGIN if chance.random() < 0.15 else round(LEAST * (MOST / LEAST) ** chance.random())
            )
            yield name, drawn(name, chance.randrange(1 << 32), room - MARGIN if room > 2 * MARGIN else room)
