"""The links in a text that somebody pasted: share URLs, addresses of images, albums, links alone."""

from __future__ import annotations

import re

SPELLING = "[A-Za-z0-9_-]{32}"
"""How a link and an image key are spelled, as a pattern."""
_BEFORE = r"^|[#<(\"\s]|[^/]/"
"""What stands before a link; what stands between // and / is a host."""
PASTED = rf"({_BEFORE})({SPELLING})([^A-Za-z0-9_-]|$)"
"""Where a link stands in a text, as JSON Schema takes it too."""
# An album is one share URL of several links with dots between.
_PASTED = re.compile(rf"(?:{_BEFORE})({SPELLING}(?:\.{SPELLING})*)(?![A-Za-z0-9_-])", re.ASCII)

_CUT = re.compile(rf"(?:{_BEFORE})[A-Za-z0-9_-]{{20,31}}(?![A-Za-z0-9_-])", re.ASCII)


def links_in(text: str) -> list[str]:
    """Find every link in a text, each once, in the order in which they stand there."""
    found = (link for links in _PASTED.findall(text) for link in links.split("."))
    return list(dict.fromkeys(found))


def is_cut(text: str) -> bool:
    """Tell whether a text holds no link, but something that looks like one whose end is missing."""
    return not links_in(text) and _CUT.search(text) is not None
