"""Small forms, in either encoding."""

from __future__ import annotations

from typing import TypeVar

from flask import Request

from web.answer.errors import BadRequest
from web.request.body import read_fields
from web.request.strict import Strict, read_text

T = TypeVar("T", bound=Strict)


def read_form(request: Request, schema: type[T]) -> T:
    """Read a form of these fields and no others; raises BadRequest."""
    fields = read_fields(request)
    if set(fields) - set(schema.model_fields):
        names = ", ".join(schema.model_fields)
        raise BadRequest("unknown_option", f"Here are only the fields {names}, in the body.")
    return read_text(schema, fields)
