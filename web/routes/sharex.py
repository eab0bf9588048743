"""A ready uploader for ShareX (https://getsharex.com/docs/custom-uploader), which is set up by a double click."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from services import Gate
from web.answer.address import address
from web.answer.answers import content_disposition
from web.answer.schemas import ShareXAnswer
from web.description.operation import Answer, Operation

HEADERS = {"code": {"Upload-Code": "YOUR-UPLOAD-CODE"}, "account": {"Authorization": "Bearer YOUR-API-KEY"}}
"""What its owner has to write into it once, where uploads ask for it."""


def sharex_routes(gate: Gate) -> Blueprint:
    """The route of the uploader."""
    routes = Blueprint("sharex", __name__)

    @routes.get("/sharex.sxcu")
    @Operation(
        "An uploader for ShareX",
        {200: Answer("What ShareX imports.", ShareXAnswer, headers=("Content-Disposition",))},
    )
    def sharex() -> Response:
        base_url = address()
        uploader: ShareXAnswer = {
            "Version": "14.0.0",
            "Name": f"Mayfly ({base_url.partition('://')[2]})",
            "DestinationType": "ImageUploader",
            "RequestMethod": "POST",
            "RequestURL": f"{base_url}/upload",
            "Body": "MultipartFormData",
            "FileFormName": "file",
            "URL": "{json:url}",
            "ErrorMessage": "{json:message}",
        }
        if gate.uploads in HEADERS:
            uploader["Headers"] = HEADERS[gate.uploads]
        response = jsonify(uploader)
        response.headers["Content-Disposition"] = content_disposition("attachment", "mayfly.sxcu")
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes
