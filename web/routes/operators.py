"""/cleanup, /healthz and /readyz, which operators, cron jobs and load balancers ask."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from services import DatabaseAway, Purge, Readiness
from web.answer import schemas
from web.description.operation import Answer, Operation


def operator_routes(purge: Purge, readiness: Readiness) -> Blueprint:
    """The routes for operators."""
    routes = Blueprint("operators", __name__)

    @routes.route("/cleanup", methods=["GET", "POST"])
    @Operation(
        "Purge what has expired",
        {200: Answer("It is done.", schemas.CleanupAnswer)},
        (DatabaseAway,),
        limit="cleanup",
    )
    def cleanup() -> Response:
        return jsonify(status="success", deleted=purge())

    @routes.get("/healthz")
    @Operation("Whether the service is alive", {200: Answer("It is.", schemas.AliveAnswer)})
    def healthz() -> Response:
        return jsonify(status="ok")

    @routes.get("/readyz")
    @Operation(
        "Whether the service can do all that it is for, part by part",
        {
            200: Answer(
                "Every part can that all requests need.", schemas.ReadyAnswer, headers=("Cache-Control",)
            ),
            503: Answer("A part can't.", schemas.ReadyAnswer, headers=("Cache-Control",)),
        },
    )
    def readyz() -> Response:
        parts = readiness()
        ready = all(part.ok or not part.needed for part in parts.values())
        told = {name: {"ok": part.ok, "message": part.message} for name, part in parts.items()}
        degraded = not all(part.ok for part in parts.values())
        answer = jsonify(status="unready" if not ready else "degraded" if degraded else "ready", parts=told)
        answer.status_code = 200 if ready else 503
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return routes
