from __future__ import annotations

from flask import Blueprint, Response, render_template, request


def page_routes() -> Blueprint:
    """The pages that people see."""
    routes = Blueprint("pages", __name__)

    @routes.get("/")
    def home() -> Response:
        return Response(render_template("help.txt", host=request.host_url.rstrip("/")), mimetype="text/plain")

    return routes
