import io
from typing import Any

import pytest
from PIL import Image, ImageOps, ImageSequence

from imaging.formats.heif_boxes import Boxes, only
from imaging.formats.heif_meta import Meta, read_meta
from tests.imaging.samples import SECRET, exif, picture, profile, samples, save, transparent
from tests.imaging.walks import clean, recognise

CARRIERS = [name for name, data in samples().items() if SECRET.encode() in data]


def cleaned(data: bytes) -> bytes:
    return bytes(clean(data))


def frames_of(data: bytes) -> list[tuple[Any, ...]]:
    """Return every frame as a viewer shows it: its size, its pixels, its time."""
    with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "GIF", "WEBP", "AVIF"]) as image:
        found: list[tuple[Any, ...]] = []
        for frame in ImageSequence.Iterator(image):
            shown = frame if image.format == "WEBP" else ImageOps.exif_transpose(frame)
            found.append((shown.size, shown.convert("RGBA").tobytes(), frame.info.get("duration")))
        return found[:1] if image.format == "MPO" else found


def loops_and_profile(data: bytes) -> tuple[Any, ...]:
    with Image.open(io.BytesIO(data)) as image:
        return image.info.get("loop"), image.info.get("icc_profile")


@pytest.mark.parametrize("name", samples())
def test_a_cleaned_picture_shows_the_same_pixels(name: str) -> None:
    data = samples()[name]
    after = cleaned(data)
    assert frames_of(after) == frames_of(data)
    assert loops_and_profile(after) == loops_and_profile(data)
    assert recognise(after) == recognise(data)


@pytest.mark.parametrize("name", samples())
def test_a_cleaned_picture_is_never_larger(name: str) -> None:
    data = samples()[name]
    assert len(cleaned(data)) <= len(data)


@pytest.mark.parametrize("name", samples())
def test_a_clean_picture_is_returned_itself(name: str) -> None:
    data = cleaned(samples()[name])
    assert clean(data) is data


@pytest.mark.parametrize("name", CARRIERS)
def test_the_secret_is_gone_from_the_bytes(name: str) -> None:
    assert SECRET.encode() not in cleaned(samples()[name])


def test_every_format_carried_a_secret_to_lose() -> None:
    assert {name.rsplit(".", 1)[1] for name in CARRIERS} == {"jpg", "png", "gif", "webp", "avif"}


def test_the_orientation_alone_is_left_of_exif() -> None:
    for form in ("JPEG", "PNG"):
        data = cleaned(save(picture(), form, exif=exif(6)))
        with Image.open(io.BytesIO(data)) as image:
            assert dict(image.getexif()) == {0x0112: 6}, form
        upright = cleaned(save(picture(), form, exif=exif(1)))
        with Image.open(io.BytesIO(upright)) as image:
            assert not image.getexif(), form


def test_the_colour_profile_stays_byte_for_byte() -> None:
    for form in ("JPEG", "PNG", "WEBP", "AVIF"):
        data = cleaned(save(picture(), form, icc_profile=profile(), exif=exif()))
        with Image.open(io.BytesIO(data)) as image:
            assert image.info["icc_profile"] == profile()


@pytest.mark.parametrize("name", [name for name in samples() if not name.endswith(".avif")])
def test_what_trails_behind_the_picture_goes(name: str) -> None:
    data = samples()[name]
    assert cleaned(data + SECRET.encode()) == cleaned(data)


def test_the_boxes_behind_an_avif_go() -> None:
    data = samples()["metadata.avif"]
    video = b"\0\0\0\x23mpvd" + SECRET.encode()
    assert cleaned(data + video) == cleaned(data)


def meta_of(data: bytes) -> Meta:
    file = Boxes(memoryview(data))
    return read_meta(file, only(file.between(0, len(data)), b"meta"))


def test_what_an_avifs_index_names_is_never_cut() -> None:
    data = samples()["thumb.avif"]
    video = b"\0\0\0\x23mpvd" + SECRET.encode()
    small = next(item for item in meta_of(data).items.values() if item.kind == b"Exif")
    place = small.extents[0][0].to_bytes(4, "big")
    size = small.extents[0][1] - small.extents[0][0]
    moved = data.replace(place + size.to_bytes(4, "big"), (len(data) + 8).to_bytes(4, "big") + b"\0\0\0\x1b")
    assert moved != data
    after = cleaned(moved + video)
    assert (len(after), SECRET.encode() in after) == (len(moved) + len(video), False)
    assert frames_of(after) == frames_of(data)


def test_a_thumbnail_inside_an_avif_is_written_over() -> None:
    data = samples()["thumb.avif"]
    meta = meta_of(data)
    (small,) = [reference.source for reference in meta.references if reference.kind == b"thmb"]
    ((start, end),) = meta.items[small].extents
    assert any(data[start:end])
    assert not any(cleaned(data)[start:end])


def test_an_item_of_an_avif_that_is_calculated_from_others_stays() -> None:
    """A sample transform, `sato`, writes 16 bits a channel as a sum of pictures of fewer bits (AVIF 1.2)."""
    data = save(transparent(), "AVIF")
    second = data.index(b"av01", data.index(b"infe", data.index(b"infe") + 1))
    for kind, stays in ((b"sato", True), (b"some", False)):
        changed = data[:second] + kind + data[second + 4 :]
        assert (clean(changed) is changed) is stays
