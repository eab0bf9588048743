"""Makes the file name of an upload harmless. An image is never refused because of its name.

docs/decisions/0026-file-names-that-never-refuse.md says what is removed and why.
"""

from __future__ import annotations

import re
import unicodedata
from email.errors import HeaderParseError
from email.header import decode_header

LONGEST_BYTES = 255
"""The longest file name that file systems allow, in bytes of UTF-8."""
MOST_READ = 1000
"""Of a longer name only its first so many characters are read, and its last tenth of so many."""
ENDINGS = {"image/jpeg": ("jpg", "jpeg", "jpe", "jfif")}
"""The allowed file name endings of media types that have other endings than their subtype; the usual one first."""
JOINERS = "\u200c\u200d"
"""The only format characters (category Cf) that belong to words or emoji; the others set directions or are
invisible."""
REMOVED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
EDGES = " .\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))) + JOINERS
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file, "Naming Conventions"
RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9]) *(\.|$)", re.IGNORECASE)
# Matches Shift-JIS (JIS X 0208) up to the first kana, or two consecutive kanji of everyday use: such bytes are rare in
# names in other encodings.
JAPANESE = re.compile(
    rb"([\x00-\x7f\xa1-\xdf]|[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc])*?"
    rb"(\x82[\x9f-\xf1]|\x83[\x40-\x96]|([\x88-\x97][\x40-\x7e\x80-\xfc]){2})"
)
LONG_IN_UTF_8 = "\u0800"
"""From this character on UTF-8 has three bytes or more, which text in another encoding seldom looks like."""
REPLACEMENT = "\ufffd"


def extension(media_type: str) -> str:
    """Return the usual file name ending of a media type, without the dot."""
    return _endings(media_type)[0]


def kept_name(given: str | None, media_type: str) -> str:
    """Return a harmless file name of at most 255 bytes; if it has an ending, that fits the media type.

    Bytes in ``given`` that are not UTF-8 are written as by Python's error handler surrogateescape.
    """
    name = _bare(_decoded(given or ""))
    stem, dot, ending = name.rpartition(".")
    if dot and ending.lower() in _endings(media_type):
        return _joined(stem, f".{ending}")
    bare = name.strip(EDGES)
    return _joined(bare, "" if bare and not dot else f".{extension(media_type)}")


def converted_name(name: str, media_type: str) -> str:
    """Replace the ending of a kept name by that of another media type."""
    return _joined(name.rpartition(".")[0] or name, f".{extension(media_type)}")


def _endings(media_type: str) -> tuple[str, ...]:
    return ENDINGS.get(media_type, (media_type.removeprefix("image/"),))


def _joined(stem: str, ending: str) -> str:
    """Join a stem and an ending that has its dot; the stem is shortened to fit, without splitting a character."""
    stem = stem.strip(EDGES)
    stem = f"_{stem}" if RESERVED.match(unicodedata.normalize("NFKC", stem)) else stem
    room = LONGEST_BYTES - len(ending)
    return f"{stem.encode()[:room].decode(errors='ignore').rstrip(EDGES) or 'image'}{ending}"


def _bare(text: str) -> str:
    """Return the last part of a path without control, direction and invisible characters."""
    name = text.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if len(name) > MOST_READ:
        name = name[:MOST_READ] + name[-MOST_READ // 10 :]
    if not name.isprintable():
        name = "".join(each for each in name if each in JOINERS or unicodedata.category(each) not in REMOVED)
    return name.rstrip(EDGES)


def _decoded(text: str) -> str:
    """Decode bytes that are not UTF-8, as Shift-JIS if they look like it, else as Windows-1252; and encoded words."""
    if text.isascii():
        return _words(text) if "=?" in text and len(text) <= MOST_READ else text
    try:
        text.encode()
    except UnicodeEncodeError:
        # Some characters beyond ASCII were valid UTF-8, so the other bytes are damaged UTF-8.
        damaged = any(each > "\x7f" and not "\udc80" <= each <= "\udcff" for each in text)
        if japanese := _japanese(text):
            return japanese
        return "".join(_character(each, damaged=damaged) for each in text)
    return text


def _japanese(text: str) -> str:
    """Decode a name as Windows writes Shift-JIS (code page 932); empty if it is not Shift-JIS."""
    unread = sum("\udc80" <= each <= "\udcff" for each in text)
    if 2 * (sum(each >= LONG_IN_UTF_8 for each in text) - unread) >= unread:
        return ""  # it was UTF-8, and is damaged
    try:
        name = text.encode(errors="surrogateescape")
        return name.decode("cp932") if JAPANESE.match(name) else ""
    except UnicodeError:
        return ""


def _character(escaped: str, *, damaged: bool) -> str:
    if not "\udc80" <= escaped <= "\udcff":
        return escaped
    return REPLACEMENT if damaged else bytes([ord(escaped) & 0xFF]).decode("cp1252", "replace")


def _words(text: str) -> str:
    """Decode encoded words (RFC 2047), which mail programs use in names; return the text unchanged if that fails."""
    try:
        parts = decode_header(text)
        return "".join(
            part if isinstance(part, str) else part.decode(charset or "ascii", "replace")
            for part, charset in parts
        )
    except (HeaderParseError, LookupError, ValueError):
        return text
