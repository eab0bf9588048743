"""PNGs with a chunk or a profile that is none, as Chromium 156 shows them."""

import io
import random
import struct
import zlib
from contextlib import AbstractContextManager

import pytest
from PIL import Image

from imaging import BrokenImage, convert, examine
from imaging.formats.first_bytes import PNG_SIGNATURE
from tests.imaging.samples import picture, profile, save
from tests.imaging.test_field import FIRST_CHUNK, chunk, with_chunk
from tests.imaging.walks import clean, recognise

END = 12
PACKED = b"Display\0\0" + zlib.compress(profile())
ADLER = 4


def test_an_unknown_chunk_in_the_place_of_the_end_ends_the_picture() -> None:
    data = save(picture(), "PNG")
    for behind in (b"", chunk(b"tEXt", b"Alice lives here"), data[-END:]):
        assert clean(data[:-END] + chunk(b"IdND") + behind) == data
    with pytest.raises(BrokenImage):
        recognise(data[:FIRST_CHUNK] + chunk(b"IdND") + data[FIRST_CHUNK:])


def test_an_unknown_chunk_between_pixels_is_no_end_of_them() -> None:
    data = save(picture(), "PNG")
    at = data.index(b"IDAT")
    body = data[at + 4 : -END - 4]
    with pytest.raises(BrokenImage):
        recognise(
            data[: at - 4]
            + chunk(b"IDAT", body[:40])
            + chunk(b"IdND")
            + chunk(b"IDAT", body[40:])
            + data[-END:]
        )


def test_a_profile_without_its_checksum_gets_one() -> None:
    cut = with_chunk(chunk(b"iCCP", PACKED[:-ADLER]))
    kept = bytes(clean(cut))
    with Image.open(io.BytesIO(kept)) as image:
        assert image.info["icc_profile"] == profile()
    at = kept.index(b"Display\0\0")
    assert zlib.decompress(kept[at + 9 :][: int.from_bytes(kept[at - 8 : at - 4], "big") - 9]) == profile()
    assert clean(kept) is kept


def test_a_profile_that_we_pack_worse_than_its_sender_stays() -> None:
    """Its halves have nothing in common, and the sender has packed each of them with codes of its own."""
    halves = [bytes(random.Random(1).choices(letters, k=600)) for letters in (b"abcdefgh", b"ABCDEFGH")]
    made = struct.pack(">I", 132 + 1200) + bytes(128) + b"".join(halves)
    packer = zlib.compressobj()
    packed = (
        packer.compress(made[:-600])
        + packer.flush(zlib.Z_BLOCK)
        + packer.compress(made[-600:])
        + packer.flush()
    )
    assert len(packed) < len(zlib.compress(made, 9)) - ADLER
    kept = bytes(clean(with_chunk(chunk(b"iCCP", b"Display\0\0" + packed[:-ADLER]))))
    with Image.open(io.BytesIO(kept)) as image:
        assert image.info["icc_profile"] == made


@pytest.mark.parametrize("length", [len(profile()) + 1, 0, 1 << 31])
def test_a_profile_that_is_shorter_than_it_tells_goes(length: int) -> None:
    body = length.to_bytes(4, "big") + profile()[4:]
    assert clean(with_chunk(chunk(b"iCCP", b"x\0\0" + zlib.compress(body)))) == save(picture(), "PNG")


WIDTH, HEIGHT = 2_000, 5_000
HEADER = chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0))
ROWS = zlib.compress(bytes(HEIGHT * (1 + 3 * WIDTH)), 1)


def large(pixels: bytes) -> bytes:
    """Return a PNG without its end, of more pixels than a server process unpacks to see whether they are there."""
    return PNG_SIGNATURE + HEADER + chunk(b"IDAT", pixels)


def _no_turn() -> AbstractContextManager[None]:
    raise AssertionError("a sandbox was asked for")


def test_a_large_png_without_its_end_is_decoded_in_a_sandbox() -> None:
    data, whole = large(ROWS), large(ROWS) + chunk(b"IEND")
    found, kept = examine(data)
    assert (found.width, found.height, bytes(kept)) == (WIDTH, HEIGHT, whole)
    assert examine(whole, turn=_no_turn)[1] is whole
    found, kept = examine(data, keep_metadata=True)
    assert kept == data
    assert convert(kept, found, "webp", width=16)


@pytest.mark.parametrize("left", [len(ROWS) // 2, len(ROWS) - 200])
@pytest.mark.parametrize("keep_metadata", [False, True])
def test_a_large_png_that_is_cut_in_its_pixels_stays_refused(left: int, keep_metadata: bool) -> None:
    with pytest.raises(BrokenImage):
        examine(large(ROWS[:left]), keep_metadata=keep_metadata)
