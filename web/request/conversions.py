"""How a request asks for an image in another form: by the end of its path, or in its query."""

from __future__ import annotations

from typing import Annotated

from flask import Request
from pydantic import Field

from services import Conversion
from web.answer.errors import BadRequest
from web.answer.pictures import FORMS
from web.request.limits import count
from web.request.links import is_tracking
from web.request.strict import Strict, read_text

LONGEST_SIDE = 65_535


Side = Annotated[
    int | None,
    Field(ge=1, le=LONGEST_SIDE, description=f"is a whole number of pixels from 1 to {LONGEST_SIDE}"),
]


class ConversionOptions(Strict):
    """What the query of an image may hold."""

    format: Annotated[
        str | None,
        Field(
            pattern=f"^({'|'.join(FORMS)})$",
            description=f"is one of {', '.join(FORMS)}",
            json_schema_extra={"enum": [*FORMS]},
        ),
    ] = None
    width: Side = None
    height: Side = None


def read_conversion(request: Request, end: str | None) -> Conversion | None:
    """Read what to convert to, None where an image is asked for as it is; raises BadRequest."""
    if end is None and not request.query_string:
        return None
    asked = read_text(ConversionOptions, _options(request))
    form = asked.format or end
    if form is not None and FORMS[form] != FORMS[end or form]:
        raise BadRequest(
            "bad_format", "The path and the option format name different forms; leave one of them out."
        )
    if form is None and asked.width is None and asked.height is None:
        return None
    count("conversions")
    return Conversion(FORMS[form] if form else None, asked.width, asked.height)


def _options(request: Request) -> dict[str, str]:
    options = {name: values for name, values in request.args.lists() if not is_tracking(name)}
    if any(name not in ConversionOptions.model_fields or len(values) > 1 for name, values in options.items()):
        raise BadRequest("unknown_option", "An image is asked for with format, width and height, each once.")
    return {name: values[0] for name, values in options.items()}
