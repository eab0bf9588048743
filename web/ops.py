"""What operators and cron jobs ask."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from services import Purge
from web.operation import operation
from web.operations import ALIVE, CLEANUP


def ops_routes(purge: Purge) -> Blueprint:
    """The routes for operation."""
    routes = Blueprint("ops", __name__)

    @routes.route("/cleanup", methods=["GET", "POST"])
    @operation(CLEANUP)
    def cleanup() -> Response:
        return jsonify(status="success", deleted=purge())

    @routes.get("/healthz")
    @operation(ALIVE)
    def healthz() -> Response:
        return jsonify(status="ok")

    return routes
