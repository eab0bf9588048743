"""Holds every answer of every test against /openapi.json: its status, its media type, its headers and its JSON."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
from flask import Flask, Response, request

from web.openapi import METHODS, NOT_DESCRIBED, describe_api, path_of


class Conformity:
    """Notes what an application answers other than its description says."""

    def __init__(self, app: Flask) -> None:
        self.broken: list[str] = []
        self._api = cache(lambda: describe_api(app))
        self._validators: dict[int, Any] = {}
        app.after_request(self._check)

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
        operation = self._api()["paths"].get(path, {}).get(request.method.lower())
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
        if schema and not self._validator(schema).is_valid(response.get_json()):
            found.append("its JSON does not fit")
        return found

    def _validator(self, schema: dict[str, Any]) -> Any:
        if id(schema) not in self._validators:
            whole = schema | {"components": self._api()["components"]}
            self._validators[id(schema)] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[id(schema)]
