"""Values of a request, read strictly into a pydantic model: what is refused is named.

A form and a query hold nothing but text. It is turned into what JSON would hold, and then read by the same model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType
from typing import Any, NoReturn, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from web.answer.errors import BadRequest

LONGEST_NUMBER = 18
"""Digits: what is longer is no number of this API, and dear to parse."""
LONGEST_SHOWN = 40
_SWITCH = {"1": True, "true": True, "0": False, "false": False, "": False}


class Strict(BaseModel):
    """Fields of these names and no others; the description of each completes the sentence that refuses a value."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


T = TypeVar("T", bound=Strict)


def read_values(schema: type[T], values: Mapping[str, Any]) -> T:
    """Read values of JSON's types into a model; raises BadRequest that names the first one that can't be taken."""
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        raise _refusal(schema, error) from None


def read_text(schema: type[T], values: Mapping[str, str]) -> T:
    """Read values of a form or a query into a model; raises BadRequest as ``read_values`` does."""
    readers = _readers(schema)
    return read_values(schema, {name: readers[name](text) for name, text in values.items()})


def parse_json(text: str | bytes | bytearray) -> Any:
    """Parse JSON without the constants that Python adds; raises ValueError, and BadRequest for a name given twice."""
    try:
        return json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def shown(name: str) -> str:
    """Write a name that a client sent so that it can stand in a message, if it looks like a name."""
    harmless = name.isidentifier() and name.isascii() and len(name) <= LONGEST_SHOWN
    return f"`{name}`" if harmless else "of that name"


@cache
def _readers(schema: type[Strict]) -> dict[str, Callable[[str], Any]]:
    """How the text of each field is turned into a value of JSON; what can't be turned stays text, and is refused."""
    return {name: _reader(field.annotation) for name, field in schema.model_fields.items()}


def _reader(annotation: Any) -> Callable[[str], Any]:
    kinds = {get_origin(kind) or kind for kind in get_args(annotation) or (annotation,)} - {NoneType}
    by_kind: dict[Any, Callable[[str], Any]] = {int: _whole_number, bool: _switch, dict: _object}
    return next((by_kind[kind] for kind in kinds if kind in by_kind), str)


def _whole_number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else text


def _switch(text: str) -> bool | str:
    return _SWITCH.get(text, text)


def _object(text: str) -> Any:
    if not text:
        return None
    try:
        value = parse_json(text)
    except ValueError:
        return text
    return text if value is None else value  # null in a form is no way to leave the field out


def _refusal(schema: type[Strict], error: ValidationError) -> BadRequest:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0])
    if name not in schema.model_fields:
        names = ", ".join(schema.model_fields)
        return BadRequest("unknown_field", f"There is no field {shown(name)}; there are: {names}.")
    description = schema.model_fields[name].description
    if first["type"] == "missing":
        return BadRequest(f"bad_{name}", f"{name} is missing: it {description}.")
    why = first["ctx"]["error"] if first["type"] == "value_error" else description
    return BadRequest(f"bad_{name}", f"{name} {why}.")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise BadRequest("repeated_field", "A field stands twice in the JSON; write each one once.")
    return fields


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
