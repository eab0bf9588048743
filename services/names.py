"""The file name an image keeps: the one its uploader's program wrote, made harmless. No name refuses an image.

What is taken away and why stands in docs/decisions/0026-file-names-that-never-refuse.md.
"""

from __future__ import annotations

import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header

LONGEST_BYTES = 255
"""What file systems take, in UTF-8."""
MOST_READ = 1000
"""Of a longer name only so many characters at its beginning are looked at, and a tenth of that at its end."""
ENDINGS = {"image/jpeg": ("jpg", "jpeg", "jpe", "jfif")}
"""The endings of a media type that has more than its own name, the usual one first."""
JOINERS = "\u200c\u200d"
"""The only format characters that are part of words and of emoji; the others mark directions or show nothing."""
REMOVED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
EDGES = " .\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))) + JOINERS
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file, "Naming Conventions"
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9]) *(\.|$)", re.IGNORECASE)
REPLACEMENT = "\ufffd"


def extension(media_type: str) -> str:
    """The usual file name extension of an image's media type."""
    return _endings(media_type)[0]


def kept_name(given: str | None, media_type: str) -> str:
    """Make a harmless file name of at most 255 bytes of whatever was given; an ending in it is one of the media type's.

    Bytes that were no UTF-8 stand in ``given`` as Python's surrogateescape writes them.
    """
    name = _bare(_decoded(given or ""))
    stem, dot, ending = name.rpartition(".")
    if dot and ending.lower() in _endings(media_type):
        return _joined(stem, f".{ending}")
    bare = name.strip(EDGES)
    return _joined(bare, "" if bare and not dot else f".{extension(media_type)}")


def converted_name(name: str, media_type: str) -> str:
    """Give a kept name the ending of another media type in place of its own."""
    return _joined(name.rpartition(".")[0] or name, f".{extension(media_type)}")


def _endings(media_type: str) -> tuple[str, ...]:
    return ENDINGS.get(media_type, (media_type.removeprefix("image/"),))


def _joined(stem: str, ending: str) -> str:
    """Join a stem and an ending with its dot; what is too long is cut from the stem, between two characters."""
    stem = stem.strip(EDGES)
    stem = f"_{stem}" if RESERVED.match(unicodedata.normalize("NFKC", stem)) else stem
    room = LONGEST_BYTES - len(ending)
    return f"{stem.encode()[:room].decode(errors='ignore').rstrip(EDGES) or 'image'}{ending}"


def _bare(text: str) -> str:
    """Take the last part of a path without the characters that control, turn the direction, or show nothing."""
    name = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if len(name) > MOST_READ:
        name = name[:MOST_READ] + name[-MOST_READ // 10 :]
    if not name.isprintable():
        name = "".join(each for each in name if each in JOINERS or unicodedata.category(each) not in REMOVED)
    return name.rstrip(EDGES)


def _decoded(text: str) -> str:
    """Read what is not UTF-8 as Windows-1252, which most programs that don't write UTF-8 use, and encoded words."""
    if text.isascii():
        return _words(text) if "=?" in text and len(text) <= MOST_READ else text
    try:
        text.encode()
    except UnicodeEncodeError:
        # Characters beyond ASCII were UTF-8: then the rest is that, damaged.
        damaged = any(each > "\x7f" and not "\udc80" <= each <= "\udcff" for each in text)
        return "".join(_character(each, damaged=damaged) for each in text)
    return text


def _character(escaped: str, *, damaged: bool) -> str:
    if not "\udc80" <= escaped <= "\udcff":
        return escaped
    return REPLACEMENT if damaged else bytes([ord(escaped) & 0xFF]).decode("cp1252", "replace")


def _words(text: str) -> str:
    """Decode encoded words (RFC 2047), as mail programs write names; what can't be decoded stays as it is."""
    try:
        parts = decode_header(text)
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in parts
        )
    except (HeaderParseError, LookupError, ValueError):
        return text
