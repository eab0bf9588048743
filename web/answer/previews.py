"""Programs that fetch a page in order to show a preview of it beside a link, as chats do."""

from __future__ import annotations

import re

from flask import request

from web.answer.errors import wants_page

PREVIEWERS = re.compile(
    r"bot|preview|external(hit|fetcher)|whatsapp|viber|vkshare|mastodon|embedly|iframely|pinterest",
    re.IGNORECASE,
)
"""What such programs call themselves in ``User-Agent``; several send ``Accept: */*``, as curl does."""


def gets_page() -> bool:
    """Tell whether a browser asks or a program that previews links, rather than ``curl`` or a script."""
    return wants_page() or PREVIEWERS.search(request.headers.get("User-Agent", "")) is not None
