"""Hostile pictures: real ones cut, flipped, spliced and lied about, the same ones for the same seed."""

import random
import struct
import zlib
from collections.abc import Callable, Iterator

from tests.imaging.samples import samples

Mutation = Callable[[random.Random, bytearray], bytearray]

SEED = 20_240_607
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEADS = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"RIFF\xff\xff\xff\x7fWEBP",
    b"\0\0\0\x1cftypavif",
    b"BM",
)


def cut(chance: random.Random, data: bytearray) -> bytearray:
    return data[: chance.randrange(len(data))]


def flip_bits(chance: random.Random, data: bytearray) -> bytearray:
    for _ in range(chance.choice((1, 1, 4, 32))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def flip_in_the_head(chance: random.Random, data: bytearray) -> bytearray:
    for _ in range(chance.choice((1, 2, 6))):
        data[chance.randrange(min(len(data), 700))] = chance.randrange(256)
    return data


def change_a_length(chance: random.Random, data: bytearray) -> bytearray:
    data.extend(bytes(max(0, 4 - len(data))))
    size, order = chance.choice((2, 4)), chance.choice("<>")
    number = chance.choice(EXTREMES) & (1 << 8 * size) - 1
    at = chance.randrange(max(1, min(len(data) - 4, 900)))
    struct.pack_into(order + ("H" if size == 2 else "I"), data, at, number)
    return data


def _piece(chance: random.Random, data: bytearray) -> tuple[int, int]:
    start = chance.randrange(len(data))
    return start, min(len(data), start + chance.choice((1, 8, 64, 700)))


def double_a_piece(chance: random.Random, data: bytearray) -> bytearray:
    start, end = _piece(chance, data)
    return data[:end] + data[start:end] * chance.choice((1, 1, 50)) + data[end:]


def drop_a_piece(chance: random.Random, data: bytearray) -> bytearray:
    start, end = _piece(chance, data)
    return data[:start] + data[end:]


def blank_a_piece(chance: random.Random, data: bytearray) -> bytearray:
    start, end = _piece(chance, data)
    data[start:end] = bytes([chance.choice((0, 0xFF))]) * (end - start)
    return data


def swap_the_header(chance: random.Random, data: bytearray) -> bytearray:
    head = chance.choice(HEADS)
    return bytearray(head) + data[len(head) :]


def splice(chance: random.Random, data: bytearray) -> bytearray:
    other = chance.choice(list(samples().values()))
    return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]


def grow(chance: random.Random, data: bytearray) -> bytearray:
    at = chance.randrange(len(data))
    return data[:at] + chance.randbytes(chance.choice((1, 3, 200, 5000))) + data[at:]


MUTATIONS: tuple[Mutation, ...] = (
    *(cut, flip_bits, flip_in_the_head, change_a_length, double_a_piece, drop_a_piece),
    *(blank_a_piece, swap_the_header, splice, grow),
)


def corpus(count: int, seed: int = SEED) -> Iterator[tuple[str, bytes]]:
    """Yield `count` hostile files with the names of what was done to which picture."""
    chance = random.Random(seed)
    for _ in range(count):
        name, original = chance.choice(list(samples().items()))
        data, done = bytearray(original), []
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            mutation = chance.choice(MUTATIONS)
            data = mutation(chance, data) or bytearray(1)
            done.append(mutation.__name__)
        if chance.random() < 0.7:
            mend(data)
        yield f"{name}: {', '.join(done)}", bytes(data)


def mend(data: bytearray) -> None:
    """Make a PNG's checksums right again, so that the damage reaches what lies behind them."""
    at = 8
    while data[:4] == b"\x89PNG" and at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        if end + 4 > len(data):
            return
        data[end : end + 4] = zlib.crc32(data[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
