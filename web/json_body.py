"""JSON from a request's body into a schema, strictly: what is refused is named."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from flask import Request
from pydantic import ValidationError

from web.asked import JsonBody
from web.body import read_bytes
from web.errors import BadRequest

SMALL = 16 * 1024
T = TypeVar("T", bound=JsonBody)


def read_json(request: Request, schema: type[T], limit: int = SMALL) -> T:
    """Read a body of at most ``limit`` bytes into a schema, whatever its Content-Type; raises BadRequest."""
    try:
        value = json.loads(
            read_bytes(request, limit), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        fields = ", ".join(schema.model_fields)
        raise BadRequest("bad_json", f"The body is no JSON object; send one with the fields {fields}.")
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        _refuse(schema, error)


def _refuse(schema: type[JsonBody], error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(first["loc"][0])
    if name not in schema.model_fields:
        fields = ", ".join(schema.model_fields)
        shown = f"`{name}`" if name.isidentifier() and name.isascii() and len(name) <= 40 else "of that name"
        raise BadRequest("unknown_field", f"There is no field {shown}; there are: {fields}.") from None
    wrong = "is missing: it" if first["type"] == "missing" else "can't be taken: it"
    raise BadRequest(f"bad_{name}", f"{name} {wrong} {schema.model_fields[name].description}.") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BadRequest("repeated_field", "A field stands twice in the JSON; write each one once.")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
