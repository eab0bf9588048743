"""File names in requests, byte for byte: bytes that aren't UTF-8 are kept by surrogateescape."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote_to_bytes

from flask import Request
from multipart import MultipartSegment

# RFC 8187, "ext-value", as RFC 6266 has it in filename*.
_EXTENDED = re.compile(r";\s*filename\*\s*=\s*\"?([\w-]*)'[^']*'([^;\"\s]*)", re.IGNORECASE | re.ASCII)


def as_utf8(text: str) -> str:
    """Read as UTF-8 what stands as Latin-1, a character a byte: WSGI's paths, the headers of a multipart body."""
    return text.encode("latin-1").decode(errors="surrogateescape")


def sent_with(segment: MultipartSegment) -> str | None:
    """The file name of a part of a multipart body: that of ``filename*`` rather than that of ``filename``."""
    extended = _EXTENDED.search(segment.header("Content-Disposition") or "")
    if extended is None:
        return None if segment.filename is None else as_utf8(segment.filename)
    name = unquote_to_bytes(extended[2].encode("latin-1"))
    try:
        return name.decode(extended[1] or "utf-8", "surrogateescape")
    except (LookupError, ValueError):
        return name.decode(errors="surrogateescape")


def in_query(request: Request) -> str:
    """The option ``filename`` of a query that has one."""
    return parse_qs(request.query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")[
        "filename"
    ][0]


def in_path(request: Request) -> str:
    """The path of a request, which is the file name of an upload by PUT."""
    return as_utf8(request.environ["PATH_INFO"])
