from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from web.operation import operation
from web.operations import HOME


def page_routes() -> Blueprint:
    """The pages that people see."""
    routes = Blueprint("pages", __name__)

    @routes.get("/")
    @operation(HOME)
    def home() -> Response:
        return Response(render_template("help.txt", host=request.host_url.rstrip("/")), mimetype="text/plain")

    return routes
