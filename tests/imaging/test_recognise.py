import io
import re
import struct
import time
import zlib

import pytest
from PIL import Image, ImageOps

from imaging import BrokenImage, ImagingError, Limits, NotAnImage, TooManyPixels
from imaging.formats import gif
from imaging.formats.jpeg import DHT, DQT, SOS, segments
from tests.imaging.samples import SECRET, exif, picture, read, samples, save
from tests.imaging.walks import recognise

LIMITS = Limits()
TYPES = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
}


@pytest.mark.parametrize("name", samples())
def test_a_real_picture_is_recognised_as_pillow_shows_it(name: str) -> None:
    data = samples()[name]
    found = recognise(data, LIMITS)
    with Image.open(io.BytesIO(data)) as image:
        frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
        shown = image if image.format == "WEBP" else ImageOps.exif_transpose(image)
    assert (found.width, found.height) == shown.size
    assert found.frames == frames
    assert found.media_type == TYPES[name.rsplit(".", 1)[1]]


def behind_the_picture(name: str, data: bytes) -> int:
    ends = {"trailing.jpg": b"PK", "two_in_one.jpg": b"\xff\xd8\xff"}
    return data.rindex(ends[name]) if name in ends else len(data)


def still_whole(name: str, data: bytes) -> set[int]:
    """Return the lengths at which no pixel is cut off: within a PNG's last chunk, and between a GIF's blocks."""
    if name.endswith(".png"):
        return set(range(len(data) - 12, len(data)))
    if not name.endswith(".gif"):
        return set()
    blocks = gif.measure(memoryview(data), LIMITS)[1]
    first = next(at for at, block in enumerate(blocks) if block.kind == gif.IMAGE)
    return {block.end for block in blocks[first:]}


@pytest.mark.parametrize("name", samples())
def test_a_picture_cut_anywhere_is_broken(name: str) -> None:
    whole = samples()[name]
    data = whole[: behind_the_picture(name, whole)]
    for length in {*range(16, len(data), 1 + len(data) // 400), len(data) - 1} - still_whole(name, data):
        with pytest.raises(BrokenImage):
            recognise(data[:length], LIMITS)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_bytes_will_do(kind: type) -> None:
    assert recognise(kind(read("hopper.gif")), LIMITS).media_type == "image/gif"


def test_a_webp_cut_between_two_chunks_is_broken() -> None:
    data = samples()["tagged.webp"]
    with pytest.raises(BrokenImage):
        recognise(data[: data.rindex(b"XMP ")], LIMITS)


def test_an_avif_whose_last_box_is_cut_is_broken() -> None:
    data = read("hopper.avif")
    assert recognise(data + b"\0\0\0\x0cfree\0\0\0\0", LIMITS)
    with pytest.raises(BrokenImage):
        recognise(data + b"\0\0\0\x0cfree\0\0\0", LIMITS)


def _segments_of(data: bytes, marker: int) -> list[bytes]:
    found = [segment for segment in segments(memoryview(data)) if segment.marker == marker]
    return [data[segment.start : segment.end] for segment in found]


def damaged_tables() -> dict[str, bytes]:
    """Return a JPEG for each thing a decoder would miss or stumble over."""
    plain, progressive = read("hopper.jpg"), samples()["progressive.jpg"]
    huffman, quantization = _segments_of(plain, DHT)[0], _segments_of(plain, DQT)[0]
    scan = _segments_of(plain, SOS)[0]
    later = _segments_of(progressive, SOS)[1]
    return {
        "no Huffman table": plain.replace(huffman, b""),
        "no quantization table": b"".join(plain.split(quantization)),
        "codes that overflow": plain.replace(huffman[:8], huffman[:5] + b"\xff\xff\xff"),
        "a short table": plain.replace(huffman, huffman[:2] + b"\0\x08" + huffman[4:10]),
        "two frame headers": plain.replace(
            huffman, b"\xff\xc0\0\x0b\x08\0\x08\0\x08\x01\x01\x11\0" + huffman
        ),
        "no frame header": plain.replace(plain[plain.index(b"\xff\xc0") :][:19], b""),
        "an unknown colour": plain.replace(scan[:6], scan[:5] + b"\x09"),
        "a scan over and over": plain.replace(scan, scan * 2),
        "a progressive scan of nothing": progressive.replace(
            later[:10], later[:7] + b"\x09\x02" + later[9:10]
        ),
        "lines to come": plain.replace(huffman, b"\xff\xdc\0\x04\0\x80" + huffman),
    }


@pytest.mark.parametrize("name", damaged_tables())
def test_a_jpeg_that_lacks_what_a_decoder_asks_for_is_broken(name: str) -> None:
    data = damaged_tables()[name]
    assert data not in (read("hopper.jpg"), samples()["progressive.jpg"])
    with pytest.raises(BrokenImage):
        recognise(data, LIMITS)


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
LIARS = {
    "empty": b"",
    "svg": SVG,
    "pdf": b"%PDF-1.7\n" + read("hopper.jpg"),
    "html": b"<!doctype html><img src=x>",
    "tiff": b"II*\0\x08\0\0\0",
    "bmp": save(picture(), "BMP"),
    "ico": save(picture(), "ICO"),
    "zip": b"PK\x03\x04",
    "mp4": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
    "wav": b"RIFF\x24\0\0\0WAVEfmt ",
    "spaces before": b"  " + read("hopper.png"),
    "svg as jpeg": b"\xff\xd8\xff" + SVG,
    "svg as gif": b"GIF89a" + b"\0" * 7 + SVG,
    "svg as webp": b"RIFF\x90\0\0\0WEBP" + SVG,
    "lossless jpeg": read("hopper.jpg").replace(b"\xff\xc0", b"\xff\xc3"),
}


@pytest.mark.parametrize("name", LIARS)
def test_what_is_no_accepted_format_is_refused(name: str) -> None:
    with pytest.raises(NotAnImage):
        recognise(LIARS[name], LIMITS)


@pytest.mark.parametrize("name", ["broken.png", "broken_data_stream.png"])
def test_a_broken_file_is_broken(name: str) -> None:
    with pytest.raises(BrokenImage):
        recognise(read(name), LIMITS)


def test_a_broken_stream_under_a_right_checksum_is_broken() -> None:
    data = read("hopper.png")
    start = data.index(b"IDAT")
    size = int.from_bytes(data[start - 4 : start], "big")
    body = bytearray(data[start : start + 4 + size])
    body[size // 2] ^= 0x55
    mended = data[:start] + body + zlib.crc32(body).to_bytes(4, "big") + data[start + size + 8 :]
    with pytest.raises(BrokenImage, match=r"unpack|filter|early"):
        recognise(mended, LIMITS)


def test_a_message_says_nothing_of_the_image() -> None:
    with pytest.raises(ImagingError) as refused:
        recognise(b"\xff\xd8\xff" + SECRET.encode(), LIMITS)
    assert SECRET not in str(refused.value)
    assert re.fullmatch(r"[A-Z][^.]*\.", str(refused.value))


def png_of(width: int, height: int) -> bytes:
    return read("hopper.png")[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_the_pixel_limit_just_fits_and_just_does_not() -> None:
    data = save(picture(width=20, height=10), "JPEG", exif=exif(6))
    assert recognise(data, Limits(max_pixels=200)).height == 20
    with pytest.raises(TooManyPixels, match="199 pixels"):
        recognise(data, Limits(max_pixels=199))


def test_frames_and_their_bytes_are_limited() -> None:
    data = samples()["animated.gif"]
    room = 96 * 64 * 4 * 4
    assert recognise(data, Limits(max_frames=4, max_decoded_bytes=room)).frames == 4
    with pytest.raises(TooManyPixels, match="3 frames"):
        recognise(data, Limits(max_frames=3))
    with pytest.raises(TooManyPixels, match="bytes"):
        recognise(data, Limits(max_decoded_bytes=room - 1))


@pytest.mark.parametrize("size", [(0, 1), (1, 0)])
def test_a_picture_without_pixels_is_broken(size: tuple[int, int]) -> None:
    whole = png_of(*size) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    with pytest.raises(BrokenImage, match="no pixels"):
        recognise(whole, LIMITS)


def test_a_decompression_bomb_is_too_many_pixels() -> None:
    with pytest.raises(TooManyPixels):
        recognise(read("decompression_bomb.gif"), LIMITS)


CRUMBS = {
    "gif": read("hopper.gif")[:-1] + b"!\xfe" + b"\x01." * 5_000_000 + b"\0;",
    "png": read("hopper.png")[:33] + chunk(b"teXt", b"") * 800_000,
    "jpeg": b"\xff\xd8" + b"\xff\xfe\0\x02" * 2_500_000,
    "jpeg of fill": read("hopper.jpg")[:-2] + b"\xff" * 10_000_000,
    "webp": b"RIFF\x88\x96\x98\0WEBP" + b"VP8X\x0a\0\0\0" + bytes(10) + b"JUNK\0\0\0\0" * 1_300_000,
    "avif": read("hopper.avif") + b"\0\0\0\x08free" * 1_300_000,
}


@pytest.mark.parametrize("name", CRUMBS)
def test_ten_megabytes_of_crumbs_take_no_time(name: str) -> None:
    started = time.process_time()
    with pytest.raises(ImagingError):
        recognise(CRUMBS[name], LIMITS)
    assert time.process_time() - started < 1
