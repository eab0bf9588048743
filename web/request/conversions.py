"""How a request asks for an image in another form: by the end of its path, or in its query."""

from __future__ import annotations

from typing import cast

from flask import Request

from services import Conversion
from services.conversion import Form
from web.answer.errors import BadRequest
from web.request.links import is_tracking

FORMS: dict[str, Form] = {
    "png": "png",
    "jpg": "jpeg",
    "jpeg": "jpeg",
    "webp": "webp",
    "gif": "gif",
    "avif": "avif",
}
LONGEST_SIDE = 65_535


def read_conversion(request: Request, end: str | None) -> Conversion | None:
    """Read what to convert to, None where an image is asked for as it is; raises BadRequest."""
    if end is None and not request.query_string:
        return None
    _check_options(request)
    form = request.args.get("format", end)
    if form is not None and form not in FORMS:
        raise BadRequest("bad_format", f"format is one of {', '.join(FORMS)}.")
    if end and FORMS[cast("str", form)] != FORMS[end]:
        raise BadRequest(
            "bad_format", "The path and the option format name different forms; leave one of them out."
        )
    width, height = _side(request, "width"), _side(request, "height")
    if form is None and width is None and height is None:
        return None
    return Conversion(FORMS[form] if form else None, width, height)


def _check_options(request: Request) -> None:
    for option in request.args:
        if is_tracking(option):
            continue
        if option not in {"format", "width", "height"} or len(request.args.getlist(option)) > 1:
            raise BadRequest(
                "unknown_option", "An image is asked for with format, width and height, each once."
            )


def _side(request: Request, name: str) -> int | None:
    text = request.args.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= LONGEST_SIDE):
        raise BadRequest(f"bad_{name}", f"{name} is a whole number of pixels from 1 to {LONGEST_SIDE}.")
    return int(text)
