"""JSON Schemas of forms and queries, made from the models that read them."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel

from web.description.operation import RequestBody, Schemas

BYTES = {"type": "string", "format": "binary"}
RAW: Schemas = {"application/octet-stream": {}, "image/*": {}}
_SWITCH = {"type": "string", "enum": ["0", "1", "true", "false", ""]}
_OBJECT = {"type": "string", "contentMediaType": "application/json"}


@cache
def text_schemas(model: type[BaseModel], *, without: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """Describe the fields of a model as a form or a query has them, which is as text."""
    properties: dict[str, dict[str, Any]] = model.model_json_schema()["properties"]
    return {name: _as_text(schema) for name, schema in properties.items() if name not in without}


def form(model: type[BaseModel], *required: str) -> RequestBody:
    """Describe a small form in either encoding, of which every other field may be left out."""
    schema = {
        "type": "object",
        "properties": text_schemas(model),
        "required": list(required),
        "additionalProperties": False,
    }
    return RequestBody(
        media_types={"application/x-www-form-urlencoded": schema, "multipart/form-data": schema},
        required=bool(required),
    )


def upload(model: type[BaseModel], image_fields: tuple[str, ...], most: int) -> RequestBody:
    """Describe an upload: a form with up to ``most`` images in these fields beside its options, or the bytes of one."""
    images = {"type": "array", "items": BYTES, "minItems": 1, "maxItems": most}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(image_fields, images) | text_schemas(model),
        "additionalProperties": False,
        "anyOf": [{"required": [name]} for name in image_fields],
    }
    return RequestBody(media_types={"multipart/form-data": schema, **RAW}, holds="image")


def _as_text(schema: dict[str, Any]) -> dict[str, Any]:
    kinds: list[dict[str, Any]] = [kind for kind in schema.pop("anyOf", [{}]) if kind.get("type") != "null"]
    told = kinds[0] | {name: value for name, value in schema.items() if name != "title" and value is not None}
    if told["type"] == "boolean":
        return {"description": told["description"], **_SWITCH}
    if told["type"] == "object":
        return {"description": told["description"], **_OBJECT}
    if isinstance(told["type"], list):  # a text, or the number that JSON may have in its place
        told["type"] = "string"
        del told["minimum"]
    return told
