"""Validates every answer of every test against /openapi.json: its status, media type, headers and JSON."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from web.description.openapi import METHODS, NOT_DESCRIBED, describe_api, path_of


class Conformity:
    """Collects the answers of an application that differ from its description."""

    def __init__(self, app: Flask) -> None:
        self.broken: list[str] = []
        self._app = app
        app.after_request(self._check)

    @cached_property
    def _api(self) -> dict[str, Any]:
        return _described(self._app)  # at the first answer, when every route is registered

    def _check(self, response: Response) -> Response:
        rule = request.url_rule
        # Tests break things on purpose: what a mistake of Mayfly's looks like is no part of the description.
        if rule is None or rule.endpoint in NOT_DESCRIBED or response.status_code == 500:
            return response
        if request.method in METHODS:
            where = f"{request.method} {path_of(rule)} {response.status_code}"
            self.broken += [f"{where}: {what}" for what in self._differences(path_of(rule), response)]
        return response

    def _differences(self, path: str, response: Response) -> list[str]:
        operation = self._api["paths"].get(path, {}).get(request.method.lower())
        if operation is None:
            return ["not described"]
        told = operation["responses"].get(str(response.status_code))
        if told is None:
            return ["status not described"]
        headers = told.get("headers", {})
        found = [
            f"lacks {name}"
            for name, header in headers.items()
            if header["required"] and name not in response.headers
        ]
        if request.method == "HEAD":
            return found
        content = told.get("content", {})
        if response.mimetype not in content:
            return found if not content else [*found, f"{response.mimetype} not described"]
        schema = content[response.mimetype].get("schema")
        if schema and not _validator(schema, self._api["components"]).is_valid(response.get_json()):
            found.append("its JSON does not fit")
        return found


_descriptions: dict[frozenset[str], dict[str, Any]] = {}
_validators: dict[int, Any] = {}


def _described(app: Flask) -> dict[str, Any]:
    """Describe an application once for all that have the same routes: each test makes one."""
    routes = frozenset(f"{rule!r}" for rule in app.url_map.iter_rules())
    if routes not in _descriptions:
        _descriptions[routes] = describe_api(app)
    return _descriptions[routes]


def _validator(schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """Return the validator of a schema in one of the descriptions, which are kept, and so are their addresses."""
    if id(schema) not in _validators:
        _validators[id(schema)] = jsonschema_rs.Draft202012Validator(schema | {"components": components})
    return _validators[id(schema)]
