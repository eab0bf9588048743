"""Says what a refused file is and what its sender can do instead; reads only the beginning of the file."""

import codecs
import re

from imaging.formats.reading import stands_at

READ_BYTES = 512
PNG_WITHOUT_LINE_ENDS = (b"\x89PNG\x1a", b"\x89PNG\n\x1a", b"\x89PNG\r\x1a", b"\xef\xbf\xbdPNG")
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
# The beginnings of JPEG, PNG, GIF and WebP in base64 (RFC 4648), and of a data: URL.
BASE64 = (b"/9j/", b"iVBORw0KGgo", b"R0lGODlh", b"R0lGODdh", b"UklGR", b"data:image/")

AS_JPEG = "save it as JPEG or PNG and send that"
HEIC = (
    "This is a HEIC photo, which most browsers can't show; send it as JPEG (iPhone: Settings, Camera, Formats, Most"
    " Compatible, or choose the photo in Safari on the page, which makes a JPEG of it)."
)
BY_SIGNATURE = (
    (b"BM", f"This is a BMP; {AS_JPEG}."),
    (b"II*\0", f"This is a TIFF or a camera's raw file; {AS_JPEG}."),
    (b"MM\0*", f"This is a TIFF or a camera's raw file; {AS_JPEG}."),
    (b"II+\0", f"This is a TIFF; {AS_JPEG}."),
    (b"MM\0+", f"This is a TIFF; {AS_JPEG}."),
    (b"\0\0\1\0", "This is an icon (ICO); save it as PNG and send that."),
    (b"8BPS", f"This is a Photoshop file; {AS_JPEG}."),
    (b"\xff\x0a", f"This is a JPEG XL; {AS_JPEG}."),
    (b"\0\0\0\x0cJXL ", f"This is a JPEG XL; {AS_JPEG}."),
    (b"\0\0\0\x0cjP  ", f"This is a JPEG 2000; {AS_JPEG}."),
    (b"%PDF-", "This is a PDF; save the page as PNG and send that."),
    (b"\x1aE\xdf\xa3", "This is a video, and Mayfly takes pictures; send a frame of it, or a GIF or WebP."),
    (b"\x1f\x8b", "These bytes are packed with gzip; send the image as it is, it does not shrink further."),
    (b"PK\3\4", "This is a ZIP archive; unpack it and send the image in it."),
)
VIDEO = "This is a video, and Mayfly takes pictures; send a frame of it, or an animated GIF or WebP."
LINE_ENDS = (
    "The line ends of this PNG are changed, as `curl -d @file` and a transfer of text do; use --data-binary @file or"
    " -F file=@file."
)
IN_BASE64 = "This is an image in base64; send its bytes, or the base64 in JSON as `data` to /api/images."
SVG = "This is an SVG, which may hold programs; save it as PNG and send that."
PAGE = "This is a web page and no image; send the image itself, not the page that shows it."
TEXT = "This is text and no image; with curl, put an @ before the file: -F file=@NAME or --data-binary @NAME."
_SVG = re.compile(rb"(<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>|\s)*<svg[\s>]", re.DOTALL | re.IGNORECASE)
_PAGE = re.compile(rb"\s*<(!doctype html|html|head|body)\b", re.IGNORECASE)


def advice(view: memoryview) -> str | None:
    """Say what the bytes are and what to send in their place; None where nobody can tell."""
    start = bytes(view[:READ_BYTES])
    if stands_at(view, 4, b"ftyp"):
        return HEIC if start[8:12] in HEIC_BRANDS else VIDEO
    if start.startswith(PNG_WITHOUT_LINE_ENDS):
        return LINE_ENDS
    if start.startswith(b"RIFF") and start[8:11] == b"AVI":
        return VIDEO
    for signature, told in BY_SIGNATURE:
        if start.startswith(signature):
            return told
    return _text(start.removeprefix(b"\xef\xbb\xbf"))


def _text(start: bytes) -> str | None:
    if start.lstrip().startswith(BASE64):
        return IN_BASE64
    if _SVG.match(start):
        return SVG
    if _PAGE.match(start):
        return PAGE
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)  # the last character may be cut
    except UnicodeDecodeError:
        return None
    return TEXT if text and all(each.isprintable() or each in "\t\r\n" for each in text) else None
