import struct
import zlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from imaging import ImagingError
from imaging.formats.heif_clean import _without
from imaging.formats.parts import Span, merged
from tests.imaging import walks
from tests.imaging.corpus import HEADS
from tests.imaging.samples import read, samples
from tests.imaging.walks import clean, recognise

PIECES = st.lists(st.binary(max_size=300), max_size=4)
LETTERS = st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"tIME", b"orNT", b"prVt", b"caBX"])


SPANS = st.lists(
    st.tuples(st.integers(0, 60), st.integers(1, 9)).map(lambda at: (at[0], sum(at))), max_size=9
)


@given(SPANS, SPANS)
@settings(max_examples=300)
def test_what_is_written_over_is_all_that_no_span_covers(places: list[Span], spans: list[Span]) -> None:
    apart = [
        place
        for i, place in enumerate(sorted(places))
        if all(place[0] >= end for _, end in sorted(places)[:i])
    ]
    kept = {at for span in spans for at in range(*span)}
    blank = [at for span in _without(apart, merged(spans)) for at in range(*span)]
    assert blank == [at for place in apart for at in range(*place) if at not in kept]


def survive(data: bytes) -> None:
    """Examine a file: it is a picture that cleaning doesn't change, or a refusal of `imaging`."""
    try:
        found, cleaned = walks.read(data)
    except ImagingError:
        return
    assert len(cleaned) <= len(data)
    assert recognise(cleaned) == found


@given(st.sampled_from(HEADS), st.binary(max_size=3000))
@settings(max_examples=300)
@example(b"\xff\xd8\xff", b"")
@example(b"RIFF\0\0\0\0WEBP", b"")
def test_any_bytes_behind_a_known_head_are_survived(head: bytes, rest: bytes) -> None:
    survive(head + rest)


@given(st.sampled_from(sorted(samples())), st.data())
@settings(max_examples=300, deadline=None)
def test_any_bytes_in_the_place_of_others_are_survived(name: str, chance: st.DataObject) -> None:
    data = samples()[name]
    start = chance.draw(st.integers(0, min(len(data), 4000)))
    end = chance.draw(st.integers(start, min(len(data), start + 64)))
    survive(data[:start] + chance.draw(st.binary(max_size=64)) + data[end:])


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def sub_blocks(body: bytes) -> bytes:
    return (
        b"".join(bytes([len(body[i : i + 255])]) + body[i : i + 255] for i in range(0, len(body), 255))
        + b"\0"
    )


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def same_when_cleaned(original: bytes, filled: bytes) -> bool:
    return clean(original) == clean(filled)


@given(PIECES, st.sampled_from([*range(0xE3, 0xEE), 0xEF, 0xFE]), st.binary(max_size=99))
def test_whatever_a_jpeg_carries_beside_its_picture_goes(
    pieces: list[bytes], marker: int, tail: bytes
) -> None:
    data = read("hopper.jpg")
    extra = b"".join(segment(marker, piece) for piece in pieces)
    assert same_when_cleaned(data, data[:2] + extra + data[2:] + tail)


@given(PIECES, LETTERS, st.booleans(), st.binary(max_size=99))
def test_whatever_a_png_carries_beside_its_picture_goes(
    pieces: list[bytes], kind: bytes, early: bool, tail: bytes
) -> None:
    data = read("hopper.png")
    extra = b"".join(png_chunk(kind, piece) for piece in pieces)
    at = 33 if early else len(data) - 12
    assert same_when_cleaned(data, data[:at] + extra + data[at:] + tail)


@given(PIECES, st.sampled_from([b"\xfe", b"\xff\x0bXMP DataXMP", b"\x01", b"\xce"]), st.binary(max_size=99))
def test_whatever_a_gif_carries_beside_its_picture_goes(
    pieces: list[bytes], kind: bytes, tail: bytes
) -> None:
    data = samples()["animated.gif"]
    extra = b"".join(b"!" + kind + sub_blocks(piece) for piece in pieces)
    assert same_when_cleaned(data, data[:-1] + extra + data[-1:] + tail)


@given(PIECES, st.sampled_from([b"XMP ", b"JUNK", b"C2PA", b"note"]), st.binary(max_size=99))
def test_whatever_a_webp_carries_beside_its_picture_goes(
    pieces: list[bytes], kind: bytes, tail: bytes
) -> None:
    data = samples()["animated.webp"]
    extra = b"".join(riff_chunk(kind, piece) for piece in pieces)
    size = struct.pack("<I", len(data) - 8 + len(extra))
    assert same_when_cleaned(data, data[:4] + size + data[8:] + extra + tail)


@given(PIECES, st.sampled_from([b"free", b"skip", b"uuid", b"mpvd", b"note"]))
def test_whatever_an_avif_carries_beside_its_picture_goes(pieces: list[bytes], kind: bytes) -> None:
    data = read("exif.avif")
    extra = b"".join(struct.pack(">I", len(piece) + 8) + kind + piece for piece in pieces)
    assert same_when_cleaned(data, data + extra)
