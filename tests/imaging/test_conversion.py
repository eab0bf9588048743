import io
import json
import re
import subprocess
import sys
from typing import Any, Literal

import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

from imaging import BrokenImage, Limits, TooManyPixels, convert, examine
from tests.imaging.samples import SECRET, exif, moving, picture, profile, read, samples, save, transparent
from tests.imaging.walks import recognise

LIMITS = Limits()
To = Literal["png", "jpeg", "webp"]
TARGETS: tuple[To, ...] = ("png", "jpeg", "webp")


def converted(data: bytes, to: To, **options: Any) -> Image.Image:
    out = convert(data, recognise(data, LIMITS), to, **options)
    assert recognise(out, LIMITS).media_type == f"image/{to}"
    return Image.open(io.BytesIO(out))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures, 0 to 255."""
    assert one.size == other.size
    spread = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return max(ImageStat.Stat(spread).mean)


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("name", samples())
def test_every_picture_converts_to_every_format(name: str, to: To) -> None:
    data = samples()[name]
    with converted(data, to) as image, Image.open(io.BytesIO(data)) as source:
        shown = (source if source.format == "WEBP" else ImageOps.exif_transpose(source)).convert("RGBA")
        plain = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
        result = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        assert difference(result.reduce(8), plain.reduce(8)) < 6


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("name", samples())
def test_a_converted_picture_tells_nothing_personal(name: str, to: To) -> None:
    data = samples()[name]
    out = convert(data, recognise(data, LIMITS), to)
    assert SECRET.encode() not in out
    with Image.open(io.BytesIO(out)) as image:
        assert not image.getexif()
        assert not {"comment", "xmp", "exif"} & image.info.keys()


def test_png_to_png_keeps_every_pixel() -> None:
    for source in (picture(), transparent(), picture("L")):
        with converted(save(source, "PNG"), "png") as image:
            assert (image.mode, image.tobytes()) == (source.mode, source.tobytes())


def test_transparency_lies_on_white_in_jpeg() -> None:
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    with converted(save(clear, "PNG"), "jpeg") as image:
        assert image.getpixel((8, 8)) == (255, 255, 255)


def test_transparency_stays_in_webp() -> None:
    with converted(save(transparent(), "PNG"), "webp") as image:
        assert image.mode == "RGBA"
        low, high = image.getchannel("A").getextrema()
        assert (low < 10, high > 245) == (True, True)  # type: ignore[operator]


def test_an_animation_stays_one_in_webp_and_is_its_first_frame_elsewhere() -> None:
    for name in ("animated.gif", "animated.png", "animated.webp", "animated.avif"):
        with converted(samples()[name], "webp") as image:
            assert getattr(image, "n_frames", 1) == 4
            for number in range(4):
                image.seek(number)
                image.load()
                assert image.info["duration"] == 80
        for to in ("png", "jpeg"):
            with converted(samples()[name], to) as image:
                assert getattr(image, "n_frames", 1) == 1
                assert difference(image, moving()[0]) < 20


def test_width_and_height_shrink_and_keep_the_shape() -> None:
    data = save(picture(width=96, height=64), "JPEG", exif=exif(6))  # shown 64 wide, 96 high
    for asked, size in {
        (32, None): (32, 48),
        (None, 48): (32, 48),
        (32, 12): (8, 12),
        (1, 1): (1, 1),
    }.items():
        with converted(data, "png", width=asked[0], height=asked[1]) as image:
            assert image.size == size


def test_nothing_is_enlarged() -> None:
    with converted(read("hopper.png"), "webp", width=129, height=4000) as image:
        assert image.size == (128, 128)


def test_a_shrunk_animation_moves() -> None:
    with converted(samples()["animated.gif"], "webp", width=48) as image:
        assert image.size == (48, 32)
        assert getattr(image, "n_frames", 1) == 4


def test_a_profile_of_rgb_is_carried() -> None:
    for to in TARGETS:
        with converted(save(picture(), "PNG", icc_profile=profile()), to) as image:
            assert image.info["icc_profile"] == profile()


def test_a_profile_of_other_colours_is_applied() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    grey = lab[:16] + b"GRAY" + lab[20:]  # not one that fits: passed over, never carried
    for to in TARGETS:
        with converted(save(picture("L"), "JPEG", icc_profile=grey), to) as image:
            assert "icc_profile" not in image.info


def test_sixteen_bits_of_grey_become_eight() -> None:
    deep = Image.new("I;16", (8, 8), 0x80FF)
    with converted(save(deep, "PNG"), "png") as image:
        assert image.getpixel((0, 0)) == 0x80


def test_a_side_too_long_for_the_format_is_refused_and_shrinks() -> None:
    data = save(Image.new("L", (20_000, 2)), "PNG")
    with pytest.raises(TooManyPixels, match="16,383"):
        convert(data, recognise(data, LIMITS), "webp")
    with converted(data, "webp", width=10_000) as image:
        assert image.width == 10_000


def test_pixels_that_do_not_unpack_are_a_broken_image() -> None:
    data = read("hopper.webp")
    found = recognise(data, LIMITS)
    with pytest.raises(BrokenImage):
        convert(data[:1000], found, "png")


def test_every_picture_is_proved() -> None:
    for data in samples().values():
        assert examine(data)[0] == recognise(data)


@pytest.mark.parametrize("to", ["animated.gif", "animated.webp", "animated.avif"])
def test_metadata_that_is_to_stay_stays_and_the_picture_is_proved(to: str) -> None:
    data = samples()[to]
    assert examine(data, keep_metadata=True)[1] is data
    with pytest.raises(BrokenImage):
        examine(data[:-20], keep_metadata=True)


def test_a_conversion_has_a_bound_of_pixels_of_its_own() -> None:
    strict = Limits(max_conversion_pixels=96 * 64)
    still, moving = (examine(samples()[name])[0] for name in ("alpha.png", "animated.gif"))
    assert convert(samples()["alpha.png"], still, "webp", limits=strict)
    assert convert(samples()["animated.gif"], moving, "png", limits=strict)
    with pytest.raises(TooManyPixels, match="animation"):
        convert(samples()["animated.gif"], moving, "webp", limits=strict)
    with pytest.raises(TooManyPixels, match="6,143 pixels"):
        convert(samples()["alpha.png"], still, "webp", limits=Limits(max_conversion_pixels=96 * 64 - 1))


def test_the_size_of_a_conversion_is_told_before_it_is_read() -> None:
    told: list[int] = []
    data = read("hopper.png")
    done = convert(data, recognise(data), "webp", before_reading=told.append)
    assert told == [len(done)]


def loaded(code: str) -> list[str]:
    """Return the modules of formats and of Pillow that some lines of Python load."""
    lines = f"{code}\nimport json, sys\nprint(json.dumps([m for m in sys.modules if m.startswith(('PIL', 'imaging'))]))"
    done = subprocess.run([sys.executable, "-c", lines], check=True, capture_output=True)
    return list(json.loads(done.stdout))


def test_no_decoder_and_no_walk_of_boxes_is_ever_loaded_where_the_keys_are() -> None:
    code = "from imaging import examine\nexamine(open('tests/images/hopper.avif', 'rb').read())\nimport app"
    modules = loaded(code)
    assert "imaging.formats.jpeg" in modules
    assert not [name for name in modules if re.search(r"PIL|heif|gif|webp|rendering", name)]
