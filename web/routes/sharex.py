"""A ready uploader for ShareX (https://getsharex.com/docs/custom-uploader), for whoever double-clicks it."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify

from web.answer.address import address
from web.answer.answers import content_disposition
from web.answer.schemas import ShareXAnswer
from web.description.operation import Answer, Operation


def sharex_routes() -> Blueprint:
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
        response = jsonify(uploader)
        response.headers["Content-Disposition"] = content_disposition("attachment", "mayfly.sxcu")
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes
