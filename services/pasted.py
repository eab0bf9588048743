"""Finds the links in a pasted text, which may hold share URLs, image URLs, albums or bare links."""

from __future__ import annotations

import re

SPELLING = "[A-Za-z0-9_-]{32}"
"""The pattern of a link or an image key."""
_BEFORE = r"^|[#<(\"\s]|[^/]/"
"""What may precede a link; the text between // and / is a host."""
PASTED = rf"({_BEFORE})({SPELLING})([^A-Za-z0-9_-]|$)"
"""A pattern that finds a link in a text; JSON Schema understands it, too."""
# An album is one share URL with several links, separated by dots. The links are matched by a lookahead, so that the
# character after one match may also be the one before the next.
_RUN = re.compile(rf"(?:{_BEFORE})(?=([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*))", re.ASCII)
_LINK = re.compile(SPELLING, re.ASCII)
_CUT = re.compile(rf"(?:{_BEFORE})[A-Za-z0-9_-]{{20,31}}(?![A-Za-z0-9_-])", re.ASCII)


def share_urls_in(text: str) -> list[list[str]]:
    """Find share URLs in a text; each is the list of its parts between dots: links, cut links, a file name's ending."""
    runs = [run.split(".") for run in _RUN.findall(text)]
    return [parts for parts in runs if any(map(is_link, parts))]


def is_link(part: str) -> bool:
    """Tell whether a text has the form of a link."""
    return _LINK.fullmatch(part) is not None


def links_in(text: str) -> list[str]:
    """Find all links in a text, each once, in the order of their first occurrence."""
    return list(dict.fromkeys(part for parts in share_urls_in(text) for part in parts if is_link(part)))


def is_cut(text: str) -> bool:
    """Tell whether a text contains no link, but something that looks like a link without its end."""
    return not links_in(text) and _CUT.search(text) is not None
