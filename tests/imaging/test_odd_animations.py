"""Animations whose parts contradict each other: what Chromium 156 shows of them is taken, and its kept bytes agree."""

import io
import struct
import zlib
from typing import Any, Literal

import pytest
from PIL import Image, ImageChops, ImageStat

from imaging import BrokenImage, convert, examine
from imaging.formats.first_bytes import gif_blocks_start
from imaging.formats.profile import without_display
from tests.imaging.samples import profile, samples
from tests.imaging.test_clean import frames_of
from tests.imaging.test_field import FIELD, TAGS, TO, with_tags
from tests.imaging.walks import clean, recognise

COLOURS = ("red", "green", "blue")
SIZE = (48, 32)
CONTROL = 8 + 26 + 4


def animation(form: str, **options: Any) -> bytes:
    first, *rest = (Image.new("RGB", SIZE, colour) for colour in COLOURS)
    out = io.BytesIO()
    first.save(out, form, save_all=True, append_images=rest, duration=100, **options)
    return out.getvalue()


def announcing(frames: int, **options: Any) -> bytes:
    """Return an APNG of three frames whose acTL tells of so many."""
    data = bytearray(animation("PNG", **options))
    at = data.index(b"acTL")
    data[at + 4 : at + 8] = struct.pack(">I", frames)
    data[at + 12 : at + 16] = struct.pack(">I", zlib.crc32(data[at : at + 12]))
    return bytes(data)


@pytest.mark.parametrize(
    ("announced", "shown"), [(1, 1), (2, 2), (3, 3), (4, 3), (2**31 - 1, 3), (2**31, 1), (0, 1)]
)
def test_no_more_frames_than_announced_are_taken_and_no_more_than_there_are(
    announced: int, shown: int
) -> None:
    whole, data = announcing(3), announcing(announced)
    kept = bytes(clean(data))
    assert (recognise(data).frames, recognise(kept).frames) == (shown, shown)
    if shown == 1:
        assert [frame[:2] for frame in frames_of(kept)] == [frame[:2] for frame in frames_of(whole)[:1]]
    else:
        assert frames_of(kept) == frames_of(whole)[:shown]
    assert clean(kept) is kept
    assert convert(data, recognise(data), "webp", width=16)


@pytest.mark.parametrize(("announced", "shown"), [(1, 1), (2, 2), (3, 2)])
def test_a_picture_before_the_first_frame_counts_as_none(announced: int, shown: int) -> None:
    assert recognise(announcing(announced, default_image=True)).frames == shown


def test_a_frame_without_pixels_is_refused_however_large_the_others_are() -> None:
    noise = Image.effect_noise((1_200, 1_200), 90)
    out = io.BytesIO()
    noise.save(out, "PNG", save_all=True, append_images=[noise.rotate(90)], duration=100)
    data = out.getvalue()
    at = data.index(b"fdAT") - 4
    with pytest.raises(BrokenImage):
        recognise(data[:at] + data[data.index(b"IEND") - 4 :])


def test_a_later_frame_of_a_gif_may_lie_outside_its_canvas() -> None:
    """Browsers cut it to the canvas; Pillow makes the picture larger from there on."""
    data = bytearray(animation("GIF"))
    second = data.index(b"\x2c", data.index(b"\x2c") + 10)
    assert struct.unpack_from("<4H", data, second + 1) == (0, 0, *SIZE)
    data[second + 1 : second + 5] = struct.pack("<2H", 5 * SIZE[0], SIZE[1] // 2)
    found, _ = examine(bytes(data))
    assert (found.width, found.height, found.frames) == (*SIZE, 3)
    with Image.open(io.BytesIO(convert(bytes(data), found, "webp"))) as image:
        assert image.size == SIZE
        for number, colour in ((0, "red"), (getattr(image, "n_frames", 0) - 1, "blue")):
            image.seek(number)
            wanted = Image.new("RGB", SIZE, colour)
            assert max(ImageStat.Stat(ImageChops.difference(image.convert("RGB"), wanted)).mean) < 4


@pytest.mark.parametrize("cut", [1, 3, 8])
def test_an_extension_that_is_cut_ends_a_gif_behind_a_frame_and_not_before_one(cut: int) -> None:
    data = animation("GIF")
    comment = b"\x21\xfe\x10Alice lives here\x00"
    at = data.index(b"\x21\xf9", data.index(b"\x2c"))
    assert clean(data[:at] + comment[:-cut]) == data[:at] + b";"
    first = data.index(b"\x21\xf9")
    with pytest.raises(BrokenImage):
        recognise(data[:first] + comment[:-cut])


PIECES = (255, 1, 90)


def with_profile(data: bytes, inside: bytes) -> bytes:
    """Return a GIF with a profile behind its screen and palette, in sub-blocks of several lengths."""
    blocks, at = bytearray(b"\x21\xff\x0bICCRGBG1012"), 0
    while at < len(inside):
        piece = inside[at : at + PIECES[at % len(PIECES)]]
        blocks += bytes([len(piece)]) + piece
        at += len(piece)
    start = gif_blocks_start(memoryview(data))
    return data[:start] + blocks + b"\0" + data[start:]


def test_what_the_profile_of_a_gif_says_of_a_display_goes_and_its_colours_stay() -> None:
    whole = with_tags(*TAGS)
    data = with_profile(animation("GIF", loop=0), whole)
    kept = bytes(clean(data))
    assert kept == with_profile(animation("GIF", loop=0), without_display(whole))
    assert frames_of(kept) == frames_of(data)
    assert clean(kept) is kept
    plain = with_profile(animation("GIF", loop=0), profile())
    assert clean(plain) is plain


def test_what_the_profile_of_an_avif_sequence_says_of_a_display_goes_from_its_track_too() -> None:
    data = animation("AVIF", icc_profile=with_tags(*TAGS))
    kept = bytes(clean(data))
    assert data.count(b"serial number") == 2 * len(TAGS), "with the main picture, and with the track"
    assert kept.count(b"serial number") == 0
    assert kept.count(without_display(with_tags(*TAGS))) == 2
    assert frames_of(kept) == frames_of(data)
    assert clean(kept) is kept


@pytest.mark.parametrize("to", TO)
def test_an_avif_with_two_boxes_of_associations_keeps_its_metadata(
    to: Literal["png", "jpeg", "webp"],
) -> None:
    data = FIELD["avif-alpha-two-ipma.avif"]
    found, kept = examine(data, keep_metadata=True)
    assert (data.count(b"ipma"), bytes(kept).count(b"ipma"), len(kept)) == (2, 1, len(data))
    differ = [at for at, (one, other) in enumerate(zip(data, kept, strict=True)) if one != other]
    assert data.index(b"iprp") - 4 <= differ[0]
    assert differ[-1] < data.index(b"mdat")
    assert convert(kept, found, to, width=16)
    sound = samples()["metadata.avif"]
    assert examine(sound, keep_metadata=True)[1] is sound
