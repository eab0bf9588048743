"""Files of kinds that people have and that break rules: what browsers show is taken, what nobody sees is gone."""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from PIL import Image, ImageFile, PngImagePlugin

from imaging import BrokenImage, convert, examine
from imaging.formats.profile import without_display
from tests.imaging.samples import exif, moving, picture, profile, samples, save
from tests.imaging.test_clean import frames_of
from tests.imaging.walks import clean, recognise

FIELD = {path.name: path.read_bytes() for path in sorted((Path(__file__).parent / "field").iterdir())}
SHOWN = {
    "avif-alpha-two-ipma.avif": (48, 32, 1),
    "avif-sequence-sound-stays.avif": (48, 32, 4),
    "avif-sequence-with-sound.avif": (48, 32, 4),
    "avif-sequence-without-meta.avif": (48, 32, 4),
    "gif-animated-no-trailer.gif": (40, 30, 2),
    "gif-nul-before-trailer.gif": (40, 30, 2),
    "jpeg-dnl-repeats-height.jpg": (64, 48, 1),
    "jpeg-mjpeg-frame-without-huffman-tables.jpg": (64, 48, 1),
    "jpeg-no-eoi-then-zeros.jpg": (64, 48, 1),
    "jpeg-reserved-marker-in-scan.jpg": (96, 64, 1),
    "jpeg-same-component-ids.jpg": (64, 48, 1),
    "jpeg-stray-bytes-between-segments.jpg": (64, 48, 1),
    "png-bad-crc-in-itxt.png": (64, 48, 1),
    "png-fctl-without-actl.png": (64, 48, 1),
    "png-icc-display-serial.png": (64, 48, 1),
    "png-icc-over-1-mib.png": (64, 48, 1),
    "png-no-iend.png": (64, 48, 1),
}
PILLOW_OPENS_NOT = ("avif-alpha-two-ipma.avif", "png-icc-over-1-mib.png")
FIRST_CHUNK = 33
TO: tuple[Literal["png", "jpeg", "webp"], ...] = ("png", "jpeg", "webp")


def pixels_of(data: bytes) -> list[tuple[Any, ...]]:
    """Return every frame without its time: what becomes a still picture has none."""
    return [frame[:2] for frame in frames_of(data)]


@pytest.mark.parametrize("name", FIELD)
def test_a_file_that_browsers_show_is_taken_and_is_clean_and_converts(name: str) -> None:
    found, kept = examine(FIELD[name])
    assert (found.width, found.height, found.frames) == SHOWN[name]
    assert bytes(examine(kept)[1]) == bytes(kept)
    for to in TO:
        assert convert(kept, found, to, width=16)
        assert convert(kept, found, to)


@pytest.mark.parametrize("name", FIELD)
def test_a_mended_file_opens_in_pillow_as_it_is(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = bytes(examine(FIELD[name])[1])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", name not in PILLOW_OPENS_NOT and "png" in name)
    before = [] if name in PILLOW_OPENS_NOT else pixels_of(FIELD[name])
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
    monkeypatch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 8_000_000)
    after = pixels_of(kept)
    assert after == before or name in PILLOW_OPENS_NOT
    assert len(after) == SHOWN[name][2]


@pytest.mark.parametrize("name", [name for name in FIELD if name.startswith("png")])
def test_what_is_kept_as_it_is_converts_too(name: str) -> None:
    found, kept = examine(FIELD[name], keep_metadata=True)
    assert kept is FIELD[name]
    assert convert(kept, found, "webp", width=16)


@pytest.mark.parametrize("name", ["avif-sequence-sound-stays.avif", "avif-sequence-with-sound.avif"])
def test_no_sound_is_left_in_a_sequence(name: str) -> None:
    data = FIELD[name]
    kept = bytes(examine(data)[1])
    assert b"soun" in data
    assert (b"soun" in kept, b"sowt" in kept, b"SOUNDSAMPLE" in kept) == (False, False, False)


def test_captions_are_left_no_more_than_sound() -> None:
    data = FIELD["avif-sequence-sound-stays.avif"].replace(b"soun", b"text").replace(b"sowt", b"tx3g")
    assert b"SOUNDSAMPLE" not in bytes(examine(data)[1])


def test_the_name_that_an_encoder_gave_a_track_goes() -> None:
    data = bytearray(FIELD["avif-sequence-sound-stays.avif"])
    name = b"Anna at the lake.mp4"
    track, sound = data.index(b"trak") - 4, data.rindex(b"trak") - 4
    media = data.index(b"mdia") - 4
    handler = data.index(b"hdlr", media) - 4
    size = int.from_bytes(data[sound : sound + 4], "big")
    smaller = struct.pack(">I4s", size - len(name), b"free") + bytes(size - len(name) - 8)
    data[sound : sound + size] = smaller  # so that the frames stay where the tables say
    for at in (track, media, handler):
        data[at : at + 4] = (int.from_bytes(data[at : at + 4], "big") + len(name)).to_bytes(4, "big")
    data[handler + 32 : handler + 32] = name
    found, kept = examine(bytes(data))
    assert (found.frames, name in data, name in bytes(kept)) == (4, True, False)


def test_a_sequence_whose_meta_names_no_main_picture_is_shown() -> None:
    data = samples()["animated.avif"].replace(b"pitm", b"free")
    found, kept = examine(data)
    assert (found.width, found.height, found.frames) == (96, 64, 4)
    assert frames_of(bytes(kept)) == frames_of(samples()["animated.avif"])


def test_two_boxes_of_associations_become_one_and_every_offset_stays() -> None:
    data = FIELD["avif-alpha-two-ipma.avif"]
    kept = bytes(clean(data))
    assert (data.count(b"ipma"), kept.count(b"ipma")) == (2, 1)
    assert len(kept) == len(data)
    assert kept[data.index(b"mdat") :] == data[data.index(b"mdat") :]
    with Image.open(io.BytesIO(kept)) as image:
        assert image.mode == "RGBA"


def test_a_gif_is_mended_to_what_it_would_have_been() -> None:
    whole = save(moving("P")[0], "GIF", save_all=True, append_images=moving("P")[1:], duration=80, loop=3)
    assert clean(whole[:-1]) == clean(whole)
    assert clean(whole[:-1] + b"\0;") == clean(whole)
    assert clean(whole[:-1] + b"\0Alice lives here") == clean(whole)
    assert (recognise(whole[:-1]).frames, recognise(whole).frames) == (4, 4)


def test_a_gif_cut_inside_its_pixels_stays_broken() -> None:
    with pytest.raises(BrokenImage):
        recognise(FIELD["gif-animated-no-trailer.gif"][:-1])


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(added: bytes, data: bytes | None = None) -> bytes:
    """Return a PNG with a chunk behind its header."""
    data = data or save(picture(), "PNG")
    return data[:FIRST_CHUNK] + added + data[FIRST_CHUNK:]


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"tIME", b"gAMA", b"iCCP", b"eXIf", b"prVt"])
def test_a_chunk_that_no_pixel_depends_on_goes_when_its_checksum_is_wrong(kind: bytes) -> None:
    bad = with_chunk(chunk(kind, b"12345678")[:-4] + b"abcd")
    assert clean(bad) == save(picture(), "PNG")


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"IDAT", b"tRNS"])
def test_a_wrong_checksum_where_pixels_are_is_broken(kind: bytes) -> None:
    data = save(picture("P"), "PNG", transparency=3)
    at = data.index(kind)
    with pytest.raises(BrokenImage, match="checksum"):
        recognise(data[: at + 4] + bytes([data[at + 4] ^ 1]) + data[at + 5 :])


@pytest.mark.parametrize("left", range(12))
def test_a_png_without_the_end_of_its_end_is_whole(left: int) -> None:
    data = save(picture(), "PNG")
    assert clean(data[: len(data) - 12 + left]) == data


def test_a_png_whose_pixels_are_cut_between_two_chunks_is_broken() -> None:
    header = struct.pack(">IIBBBBB", 2_000, 1_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000 * 6_001), 0)
    half = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows[:2_000_000])
    with pytest.raises(BrokenImage):
        recognise(half)
    with pytest.raises(BrokenImage):
        examine(half)
    small = half[:FIRST_CHUNK] + chunk(b"IDAT", zlib.compress(bytes(1_000 * 6_001)))
    assert recognise(small).width == 2_000


STILL = {
    "fcTL alone": chunk(b"fcTL", bytes(26)),
    "fdAT alone": chunk(b"fdAT", bytes(8)),
    "no frames announced": chunk(b"acTL", bytes(8)),
    "a control too short": chunk(b"acTL", b"\0\0\0\1") + chunk(b"fcTL", bytes(26)),
    "two controls": 2 * chunk(b"acTL", b"\0\0\0\1\0\0\0\0") + chunk(b"fcTL", bytes(26)),
}


@pytest.mark.parametrize("name", STILL)
def test_what_is_no_animation_to_a_browser_goes(name: str) -> None:
    data = with_chunk(STILL[name])
    assert recognise(data).frames == 1
    assert clean(data) == save(picture(), "PNG")


@pytest.mark.parametrize("kind", [b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"cICP"])
def test_an_empty_colour_chunk_goes_and_the_picture_converts(kind: bytes) -> None:
    data = with_chunk(chunk(kind))
    assert clean(data) == save(picture(), "PNG")
    for kept in (data, bytes(clean(data))):
        assert convert(kept, recognise(kept), "webp", width=16)


def test_of_two_profiles_the_first_counts() -> None:
    one = chunk(b"iCCP", b"one\0\0" + zlib.compress(profile()))
    two = chunk(b"iCCP", b"two\0\0" + zlib.compress(profile()))
    assert clean(with_chunk(one + two)) == with_chunk(one)


def with_tags(*kinds: bytes) -> bytes:
    """Return a true profile with further tags, each with a text of its own; the first shares the first tag's place."""
    true = profile()
    count = int.from_bytes(true[128:132], "big")
    table, data = true[132 : 132 + 12 * count], true[132 + 12 * count :]
    more = 12 * len(kinds)
    moved = [(kind, at + more, size) for kind, at, size in struct.iter_unpack(">4sII", table)]
    end, texts = len(true) + more, b""
    for kind in kinds:
        text = b"text\0\0\0\0serial number of " + kind
        moved.append((kind, end + len(texts), len(text)))
        texts += text
    entries = b"".join(struct.pack(">4sII", *entry) for entry in moved)
    whole = true[:128] + struct.pack(">I", len(moved)) + entries + data + texts
    return struct.pack(">I", len(whole)) + whole[4:]


TAGS = (b"mmod", b"ndin", b"vcgt", b"dscm")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_what_a_profile_says_of_a_display_goes_and_its_colours_stay(form: str) -> None:
    kept = bytes(clean(save(picture(), form, icc_profile=with_tags(*TAGS))))
    with Image.open(io.BytesIO(kept)) as image:
        bare = image.info["icc_profile"]
    assert b"serial number" not in bare
    assert not any(tag in bare for tag in TAGS)
    assert len(bare) == len(with_tags(*TAGS))
    found = {kind: bare[at : at + size] for kind, at, size in tags_of(bare)}
    assert found == {kind: profile()[at : at + size] for kind, at, size in tags_of(profile())}
    assert clean(kept) is kept


def tags_of(whole: bytes) -> list[tuple[bytes, int, int]]:
    count = int.from_bytes(whole[128:132], "big")
    return list(struct.iter_unpack(">4sII", whole[132 : 132 + 12 * count]))


def test_a_place_that_another_tag_shares_stays() -> None:
    whole = with_tags(b"mmod")
    last = tags_of(whole)[-1]
    first = tags_of(whole)[0]
    shared = whole.replace(struct.pack(">4sII", *last), struct.pack(">4sII", b"mmod", *first[1:]))
    bare = without_display(shared)
    assert bare[first[1] : first[1] + first[2]] == whole[first[1] : first[1] + first[2]]


def test_a_profile_without_a_display_is_returned_itself() -> None:
    true = profile()
    assert without_display(true) is true
    assert without_display(b"") == b""
    assert without_display(true[:128] + b"\xff" * 4 + true[132:]) == bytes(len(true))


def test_what_turns_no_browser_turns_no_picture() -> None:
    turned = exif(6).removeprefix(b"Exif\0\0")
    plain = save(picture(), "PNG")
    behind = plain[:-12] + chunk(b"eXIf", turned) + plain[-12:]
    assert (recognise(behind).width, recognise(with_chunk(chunk(b"eXIf", turned))).width) == (96, 64)
    assert clean(behind) == plain
    webp = save(picture(), "WEBP", exif=exif(6))
    found, kept = examine(webp, keep_metadata=True)
    assert (found.width, found.height, kept) == (96, 64, webp)
    with Image.open(io.BytesIO(convert(webp, found, "png"))) as image:
        assert image.size == (96, 64)


JPEG = FIELD["jpeg-no-eoi-then-zeros.jpg"].rstrip(b"\0")
"""Whole but for its EOI."""


@pytest.mark.parametrize("tail", [b"", bytes(1000)])
def test_a_jpeg_without_an_end_gets_one_and_one_that_is_cut_stays_refused(tail: bytes) -> None:
    assert bytes(examine(JPEG + tail)[1]).endswith(b"\xff\xd9")
    for cut in (40, 200, len(JPEG) // 2):
        with pytest.raises(BrokenImage):
            examine(JPEG[:-cut] + tail)


@pytest.mark.parametrize(
    "stray",
    [b"\0", b"stray", b"\xff\x00", b"\xff\xd8", b"\xff\xe1\xff\xff", b"\xff\xe1\x00\x01", b"\xff\x02"],
)
def test_stray_bytes_between_the_segments_of_a_jpeg_go(stray: bytes) -> None:
    whole = JPEG + b"\xff\xd9"
    assert bytes(examine(whole[:2] + b"\xff\xd5" + whole[2:])[1]) == bytes(examine(whole)[1])
    for marker in (b"\xff\xdb", b"\xff\xc0", b"\xff\xda"):
        at = whole.index(marker)
        kept = bytes(examine(whole[:at] + stray + whole[at:])[1])
        assert kept == bytes(examine(whole)[1])


def test_a_jpeg_that_breaks_rules_is_examined_in_its_turn() -> None:
    turns = []

    @contextmanager
    def turn() -> Iterator[None]:
        turns.append("begins")
        yield
        turns.append("ends")

    examine(JPEG + b"\xff\xd9", turn=turn)
    assert turns == [], "it keeps the rules"
    examine(JPEG, turn=turn)
    assert turns == ["begins", "ends"]


def test_a_profile_in_several_segments_of_a_jpeg_is_looked_through_whole() -> None:
    """Its tags may stand on both sides of a border, and the segments in any order."""
    whole, plain = with_tags(*TAGS), save(picture(), "JPEG")
    middle = whole.index(TAGS[1]) + 2
    segments = [
        b"\xff\xe2" + (16 + len(part)).to_bytes(2, "big") + b"ICC_PROFILE\0" + bytes((number, 2)) + part
        for number, part in ((2, whole[middle:]), (1, whole[:middle]))
    ]
    kept = bytes(clean(plain[:2] + b"".join(segments) + plain[2:]))
    with Image.open(io.BytesIO(kept)) as image:
        assert image.info["icc_profile"] == without_display(whole)


@pytest.mark.parametrize("stray", [b"\0", bytes(40), b"behind the last row", b"\xff\x00\xff\xd0"])
def test_bytes_behind_the_last_row_of_a_jpeg_stay_and_change_no_pixel(stray: bytes) -> None:
    whole = JPEG + b"\xff\xd9"
    more = JPEG + stray + b"\xff\xd9"
    found, kept = examine(more)
    assert (found, bytes(kept)) == (examine(whole)[0], bytes(examine(whole)[1])[:-2] + stray + b"\xff\xd9")
    assert pixels_of(bytes(kept)) == pixels_of(whole)
