"""/openapi.json: OpenAPI 3.1, put together from the routes, their descriptions and the table of errors."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from types import UnionType
from typing import Any

from flask import Flask
from pydantic import TypeAdapter
from werkzeug.routing import Rule

from config import VERSION
from services import (
    AccountAsked,
    KeyNotEnough,
    OpensByPostOnly,
    RegistrationClosed,
    TokenRefused,
    TooManyRequests,
    UploadCodeAsked,
    UploadCodeWrong,
    UploadsClosed,
)
from web.answer.errors import CHALLENGES, STATUS
from web.answer.schemas import ErrorAnswer
from web.description.operation import HTML, TEXT, Answer, Operation, RequestBody, operation_of

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
NOT_DESCRIBED = {"assets.asset", "assets.favicon", "assets.icon", "assets.robots"}
"""Endpoints of files that belong to a page, or that browsers and search engines ask for by themselves."""
MAY_SAY_WHEN = {429, 503, 507}
AT_THE_GATE: dict[str, set[type[Exception]]] = {
    "upload": {UploadCodeAsked, UploadCodeWrong, AccountAsked, UploadsClosed},
    "registration": {UploadCodeAsked, UploadCodeWrong, RegistrationClosed},
}
LIMITED = ("RateLimit", "RateLimit-Policy")
"""What an answer of a route with a limit has, unless RATE_LIMITS is off:
https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10"""
REFERENCE = "#/components/schemas/{model}"


def describe_api(app: Flask) -> dict[str, Any]:
    """Describe every route of the application; raises LookupError for one that nobody has described."""
    described = list(_operations(app))
    schemas = _Schemas(operation for _, _, operation in described)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for rule, method, operation in described:
        paths[path_of(rule)][method.lower()] = _operation(rule, method, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Mayfly",
            "version": VERSION,
            "description": "An image drop that forgets: an image in, a link out, and minutes later it is gone.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": schemas.definitions,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "Authorization"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT or API key"},
                "image_password": {"type": "http", "scheme": "basic"},
            },
        },
    }


def path_of(rule: Rule) -> str:
    """Write a route's rule as OpenAPI does."""
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule)


def _operations(app: Flask) -> Iterator[tuple[Rule, str, Operation]]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in NOT_DESCRIBED:
            continue
        operation = operation_of(app.view_functions[rule.endpoint])
        if operation is None:
            raise LookupError(f"{rule.rule} has no description")
        yield from ((rule, method, operation) for method in METHODS if method in (rule.methods or ()))


class _Schemas:
    """The JSON Schemas of all requests and answers, by their types."""

    def __init__(self, operations: Iterator[Operation]) -> None:
        types: dict[Any, None] = {ErrorAnswer: None}
        for operation in operations:
            types |= {answer.schema: None for answer in operation.answers.values() if answer.schema}
            types |= {operation.body.schema: None} if operation.body and operation.body.schema else {}
        adapters: list[Any] = [(kind, "validation", TypeAdapter(kind)) for kind in types]
        found, shared = TypeAdapter.json_schemas(adapters, ref_template=REFERENCE)
        self._by_type = {kind: schema for (kind, _), schema in found.items()}
        self.definitions: dict[str, Any] = shared.get("$defs", {})

    def of(self, kind: type | UnionType) -> dict[str, Any]:
        """A type's schema, or the reference to it."""
        return dict(self._by_type[kind])


def _operation(rule: Rule, method: str, operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    with_body = method != "HEAD"
    told: dict[str, Any] = {
        "operationId": f"{method.lower()}_{path_of(rule)}",
        "summary": operation.summary,
        "parameters": _parameters(rule, operation),
        "responses": {
            str(status): response
            for status, response in sorted(_responses(operation, schemas, with_body=with_body).items())
        },
    }
    if operation.body:
        told["requestBody"] = _body(operation.body, schemas)
    if operation.account != "ignored":
        told["security"] = _security(operation)
    return told


def _security(operation: Operation) -> list[dict[str, list[str]]]:
    ways: list[dict[str, list[str]]] = [{"token": []}, {"bearer": []}]
    if operation.basic:
        ways.append({"image_password": []})
    return ways if operation.account in {"asked", "logged in"} else [{}, *ways]


def _parameters(rule: Rule, operation: Operation) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": operation.path[name]}
        for name in sorted(rule.arguments)
    ]
    in_query = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in operation.query.items()
    ]
    code = {"name": "Upload-Code", "in": "header", "required": False, "schema": {"type": "string"}}
    return in_path + in_query + ([code] if operation.gate else [])


def _body(body: RequestBody, schemas: _Schemas) -> dict[str, Any]:
    content = {name: {"schema": schema} for name, schema in body.media_types.items()}
    if body.schema:
        content["application/json"] = {"schema": schemas.of(body.schema)}
    return {"required": body.required, "content": content}


def _responses(operation: Operation, schemas: _Schemas, *, with_body: bool) -> dict[int, Any]:
    responses: dict[int, Any] = {}
    for status, answer in operation.answers.items():
        responses[status] = _answer(answer, schemas, with_body=with_body)
    if OpensByPostOnly in operation.refuses:
        responses[303] = {
            "description": "A browser is sent to the share page.",
            "headers": _headers(("Location", "Allow")),
        }
    for status, codes in _refusals(operation).items():
        responses[status] = _refusal(status, codes, schemas, with_body=with_body)
    if operation.limit:
        for response in responses.values():
            response["headers"] = _headers(LIMITED, required=False) | response.get("headers", {})
    return responses


def _refusals(operation: Operation) -> dict[int, set[str]]:
    """The statuses and codes of every error a route may answer with; the codes of a 400 and a 413 are no closed set."""
    codes: dict[int, set[str]] = defaultdict(set)
    kinds = set(operation.refuses) | ({TokenRefused} if operation.account != "ignored" else set())
    kinds |= {KeyNotEnough} if operation.account == "logged in" else set()
    kinds |= AT_THE_GATE[operation.gate] if operation.gate else set()
    kinds |= {TooManyRequests} if operation.limit else set()
    for kind in kinds:
        status, code = (405, "open_by_post") if kind is OpensByPostOnly else STATUS[kind]
        codes[status].add(code)
    codes[421], codes[431] = {"foreign_host"}, {"header_too_long"}
    for status, code in operation.also.items():
        codes[status].add(code)
    codes[400] = set()
    if operation.body:
        codes[413] = {"too_large"}
    return codes


def _answer(answer: Answer, schemas: _Schemas, *, with_body: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"description": answer.why}
    headers = _headers(answer.headers) | _headers(answer.may_have, required=False)
    if headers:
        told["headers"] = headers
    content: dict[str, Any] = {name: {} for name in answer.media_types}
    if answer.schema:
        content = {"application/json": {"schema": schemas.of(answer.schema)}, **content}
    if content and with_body:
        told["content"] = content
    return told


def _refusal(status: int, codes: set[str], schemas: _Schemas, *, with_body: bool) -> dict[str, Any]:
    schema = schemas.of(ErrorAnswer)
    if codes:
        narrowed = {"type": "object", "properties": {"error": {"enum": sorted(codes)}}}
        schema = {"allOf": [schema, narrowed]}
    told: dict[str, Any] = {"description": ", ".join(sorted(codes)) or "Something can't be read."}
    headers = _refusal_headers(status, codes)
    if headers:
        told["headers"] = headers
    if with_body:
        told["content"] = {"application/json": {"schema": schema}, TEXT: {}, HTML: {}}
    return told


def _refusal_headers(status: int, codes: set[str]) -> dict[str, Any]:
    challenged = {code for kind, (_, code) in STATUS.items() if kind in CHALLENGES}
    always = ["WWW-Authenticate"] if codes and codes <= challenged else []
    always += ["Allow"] if "open_by_post" in codes else []
    return _headers(tuple(always)) | _headers(
        ("Retry-After",) if status in MAY_SAY_WHEN else (), required=False
    )


def _headers(names: tuple[str, ...], *, required: bool = True) -> dict[str, Any]:
    return {name: {"required": required, "schema": {"type": "string"}} for name in names}
