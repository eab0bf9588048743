"""The drop: an image in, and out by its link."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.routing import BaseConverter

from config import Config
from services import Drop
from web.answers import JSON, TEXT, image_response, receipt_response
from web.body import read_body
from web.options import read_wishes


class Anything(BaseConverter):
    """The rest of a path whatever is in it: what is wrong with a file name is told by the options, not by a 404."""

    regex = r"[\s\S]+"
    part_isolating = False


def share_routes(drop: Drop, config: Config) -> Blueprint:
    """The routes of the drop."""
    routes = Blueprint("share", __name__)

    def deposit(default: str, filename: str | None = None) -> Response:
        body = read_body(request, config.max_image_bytes)
        receipt = drop.deposit(body.image, read_wishes(request, body, filename))
        return receipt_response(receipt, config.base_url or request.host_url.rstrip("/"), default)

    @routes.post("/upload")
    def upload() -> Response:
        return deposit(JSON)

    @routes.put("/<anything:filename>")
    def put(filename: str) -> Response:
        return deposit(TEXT, filename)

    @routes.get("/image/<link>")
    def image(link: str) -> Response:
        if request.method == "HEAD":
            return image_response(drop.find(link), None)
        return image_response(*drop.open(link))

    return routes
