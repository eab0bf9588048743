"""Recognises programs that fetch a page to show a preview beside its link, as chat programs do."""

from __future__ import annotations

import re

from flask import request

from web.answer.errors import wants_page

PREVIEWERS = re.compile(
    r"bot|preview|external(hit|fetcher)|whatsapp|viber|vkshare|mastodon|embedly|iframely|pinterest",
    re.IGNORECASE,
)
"""Names of such programs in ``User-Agent``; some send ``Accept: */*`` as curl does, so Accept can't tell."""


def gets_page() -> bool:
    """Tell whether the client is a browser or a program that previews links, rather than ``curl`` or a script."""
    return wants_page() or PREVIEWERS.search(request.headers.get("User-Agent", "")) is not None
