"""The links in a text that somebody pasted: share URLs, addresses of images, albums, links alone."""

from __future__ import annotations

import re

SPELLING = "[A-Za-z0-9_-]{32}"
"""How a link and an image key are spelled, as a pattern."""
_BEFORE = r"^|[#<(\"\s]|[^/]/"
"""What stands before a link; what stands between // and / is a host."""
PASTED = rf"({_BEFORE})({SPELLING})([^A-Za-z0-9_-]|$)"
"""Where a link stands in a text, as JSON Schema takes it too."""
# An album is one share URL of several links with dots between. What lies before it is read alone, so that it may end
# where another one begins.
_RUN = re.compile(rf"(?:{_BEFORE})(?=([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*))", re.ASCII)
_LINK = re.compile(SPELLING, re.ASCII)
_CUT = re.compile(rf"(?:{_BEFORE})[A-Za-z0-9_-]{{20,31}}(?![A-Za-z0-9_-])", re.ASCII)


def share_urls_in(text: str) -> list[list[str]]:
    """Find whatever holds a link in a text, as its parts between dots: links, cut ones, the ending of a file name."""
    runs = [run.split(".") for run in _RUN.findall(text)]
    return [parts for parts in runs if any(map(is_link, parts))]


def is_link(part: str) -> bool:
    """Tell whether a text is spelled as a link is."""
    return _LINK.fullmatch(part) is not None


def links_in(text: str) -> list[str]:
    """Find every link in a text, each once, in the order in which they stand there."""
    return list(dict.fromkeys(part for parts in share_urls_in(text) for part in parts if is_link(part)))


def is_cut(text: str) -> bool:
    """Tell whether a text holds no link, but something that looks like one whose end is missing."""
    return not links_in(text) and _CUT.search(text) is not None
