"""The drop: an image in, and out by its link."""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.routing import BaseConverter

from config import Config
from imaging import Data
from services import Conversion, Drop, Opened
from web.answers import JSON, TEXT, image_response, receipt_response
from web.body import read_body
from web.conversions import read_conversion, split_form
from web.options import read_wishes
from web.page import Page, wants_page
from web.passwords import read_opening


class Anything(BaseConverter):
    """The rest of a path whatever is in it: what is wrong with a file name is told by the options, not by a 404."""

    regex = r"[\s\S]+"
    part_isolating = False


def share_routes(drop: Drop, config: Config) -> Blueprint:
    """The routes of the drop."""
    routes = Blueprint("share", __name__)
    page = Page(config)

    def deposit(default: str, filename: str | None = None) -> Response:
        body = read_body(request, config.max_image_bytes)
        by_form = filename is None and wants_page()
        # A form sends the fields that were left empty too.
        body.fields = {name: value for name, value in body.fields.items() if value or not by_form}
        wishes = read_wishes(request, body, filename)
        receipt = drop.deposit(body.image, wishes)
        if by_form:
            return page.receipt(receipt, asks_password=bool(wishes.password))
        return receipt_response(receipt, page.address, default)

    @routes.post("/upload")
    def upload() -> Response:
        return deposit(JSON)

    @routes.put("/<anything:filename>")
    def put(filename: str) -> Response:
        return deposit(TEXT, filename)

    @routes.get("/image/<name>")
    def image(name: str) -> Response:
        link, end = split_form(name)
        conversion = read_conversion(request, end)
        if conversion:
            return converted(*drop.view(link), conversion)
        if request.method == "HEAD":
            return image_response(drop.look(link), None)
        return image_response(*drop.view(link))

    @routes.post("/image/<name>")
    def open_image(name: str) -> Response:
        link, end = split_form(name)
        password, conversion = read_opening(request), read_conversion(request, end)
        opened, data = drop.open(link, password)
        return converted(opened, data, conversion) if conversion else image_response(opened, data)

    def converted(opened: Opened, data: Data, conversion: Conversion) -> Response:
        return image_response(*drop.convert(opened, data, conversion))

    return routes
