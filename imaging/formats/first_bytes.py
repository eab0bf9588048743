"""Tells the format by the first bytes. A server process reads nothing else of a GIF, WebP or AVIF."""

from imaging.errors import NotAnImage
from imaging.formats.foreign import advice
from imaging.formats.reading import number, stands_at

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
JPEG_MARKERS = 0xC0
"""The smallest byte that, behind FF, is a marker that JPEG files use (ITU-T T.81, table B.1)."""
GIF_BLOCKS = b"\x21\x2c\x3b"
GIF_SCREEN_END = 13
WEBP_FIRST = (b"VP8 ", b"VP8L", b"VP8X")
AVIF_BRANDS = (b"avif", b"avis")
# A file type box names some ten brands; the rest is not read.
MOST_BRANDS_END = 256


def media_type_of(view: memoryview) -> str:
    """Return the media type that the first bytes show; raises `NotAnImage` for any other format.

    It reads at most the first 800 bytes, so it costs the same for any file.
    """
    for media_type, matches in MATCHES.items():
        if matches(view):
            return media_type
    raise NotAnImage(advice(view))


def gif_blocks_start(view: memoryview) -> int:
    """Return where a GIF's first block stands: behind the screen and its palette; the header must be there."""
    packed = view[GIF_SCREEN_END - 3]
    return GIF_SCREEN_END + gif_palette(packed)


def gif_palette(packed: int) -> int:
    """Return the bytes of the palette that a packed field of GIF89a announces."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _is_jpeg(view: memoryview) -> bool:
    """Any marker may follow SOI, even one that is not allowed there: readers skip it and look for the next."""
    return stands_at(view, 0, b"\xff\xd8\xff") and (len(view) < 4 or view[3] >= JPEG_MARKERS)


def _is_png(view: memoryview) -> bool:
    return stands_at(view, 0, PNG_SIGNATURE)


def _is_webp(view: memoryview) -> bool:
    named = stands_at(view, 0, b"RIFF") and stands_at(view, 8, b"WEBP")
    return named and (len(view) < 16 or view[12:16] in WEBP_FIRST)


def _is_gif(view: memoryview) -> bool:
    if not (stands_at(view, 0, b"GIF87a") or stands_at(view, 0, b"GIF89a")):
        return False
    if len(view) < GIF_SCREEN_END:
        return True
    at = gif_blocks_start(view)
    return at >= len(view) or view[at] in GIF_BLOCKS


def _is_avif(view: memoryview) -> bool:
    if not stands_at(view, 4, b"ftyp"):
        return False
    brands = view[8:12], *(view[at : at + 4] for at in range(16, min(number(view, 0, 4), MOST_BRANDS_END), 4))
    return any(brand in AVIF_BRANDS for brand in brands)


MATCHES = {
    "image/jpeg": _is_jpeg,
    "image/png": _is_png,
    "image/webp": _is_webp,
    "image/gif": _is_gif,
    "image/avif": _is_avif,
}
