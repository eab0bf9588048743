"""PNGs with a chunk or a profile that is none, as Chromium 156 shows them."""

import zlib

import pytest

from imaging import BrokenImage
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


def test_a_profile_without_its_checksum_stays() -> None:
    data = with_chunk(chunk(b"iCCP", PACKED[:-ADLER]))
    assert clean(data) is data


@pytest.mark.parametrize("length", [len(profile()) + 1, 0, 1 << 31])
def test_a_profile_that_is_shorter_than_it_tells_goes(length: int) -> None:
    body = length.to_bytes(4, "big") + profile()[4:]
    assert clean(with_chunk(chunk(b"iCCP", b"x\0\0" + zlib.compress(body)))) == save(picture(), "PNG")
