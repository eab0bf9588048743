"""The description of the API, for programs and for people; the page asks no other host for anything."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, render_template, request

from web.description.openapi import describe_api
from web.description.operation import HTML, Answer, Operation

UNCHANGED = {304: Answer("It is as the ETag in If-None-Match says.")}
POLICY = "default-src 'none'; style-src 'self'"


def docs_routes(app: Flask) -> Blueprint:
    """The routes of the description; each is put together when it is first asked for, and kept."""
    routes = Blueprint("docs", __name__)

    @cache
    def description() -> bytes:
        return app.json.dumps(describe_api(app)).encode()

    @cache
    def page() -> bytes:
        return render_template("docs.html", api=describe_api(app)).encode()

    @routes.get("/openapi.json")
    @Operation("This description", {200: Answer("OpenAPI 3.1.", dict[str, Any]), **UNCHANGED})
    def openapi() -> Response:
        return _kept(description(), "application/json")

    @routes.get("/docs")
    @Operation("This description as a page", {200: Answer("A page.", media_types=(HTML,)), **UNCHANGED})
    def docs() -> Response:
        response = _kept(page(), "text/html")
        response.headers["Content-Security-Policy"] = POLICY
        return response

    return routes


def _kept(data: bytes, media_type: str) -> Response:
    """Answer with content that stays the same until the next start; a client that has it gets a 304."""
    response = Response(data, mimetype=media_type)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response
