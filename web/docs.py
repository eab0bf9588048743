"""The description of the API, for programs and for people; the page asks no other host for anything."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, render_template

from web.openapi import describe_api
from web.operation import operation
from web.operations import DOCS, OPENAPI

POLICY = "default-src 'none'; style-src 'self'"


def docs_routes(app: Flask) -> Blueprint:
    """The routes of the description; it is put together when it is first asked for."""
    routes = Blueprint("docs", __name__)

    @cache
    def description() -> dict[str, Any]:
        return describe_api(app)

    @routes.get("/openapi.json")
    @operation(OPENAPI)
    def openapi() -> Response:
        return jsonify(description())

    @routes.get("/docs")
    @operation(DOCS)
    def docs() -> Response:
        response = Response(render_template("docs.html", api=description()))
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return routes
