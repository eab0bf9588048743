"""The drop: an image in, and out by its link."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, Response, request
from werkzeug.routing import BaseConverter

from config import Config
from services import Catalog, Drop, ImageGone
from web.answers import JSON, TEXT, image_response, receipt_response
from web.auth import catalog_owner
from web.body import read_body
from web.options import read_wishes
from web.passwords import read_opening

T = TypeVar("T")


class Anything(BaseConverter):
    """The rest of a path whatever is in it: what is wrong with a file name is told by the options, not by a 404."""

    regex = r"[\s\S]+"
    part_isolating = False


def deposit(drop: Drop, config: Config, default: str, filename: str | None = None) -> Response:
    """Take an upload in, into the caller's catalog if there is one; answer in the ``default`` form unless asked."""
    body = read_body(request, config.max_image_bytes)
    receipt = drop.deposit(body.image, read_wishes(request, body, filename), catalog_owner())
    return receipt_response(receipt, config.base_url or request.host_url.rstrip("/"), default)


def share_routes(drop: Drop, catalog: Catalog, config: Config) -> Blueprint:
    """The routes of the drop."""
    routes = Blueprint("share", __name__)

    def by_name(open_link: Callable[[str], T], name: str) -> T:
        """Open what a link opens; else the newest image of the model of that name in the caller's catalog."""
        try:
            return open_link(name)
        except ImageGone:
            owner = catalog_owner()
            if owner is None:
                raise
        return open_link(catalog.newest(owner, name))

    @routes.post("/upload")
    def upload() -> Response:
        return deposit(drop, config, JSON)

    @routes.put("/<anything:filename>")
    def put(filename: str) -> Response:
        return deposit(drop, config, TEXT, filename)

    @routes.get("/image/<link>")
    def image(link: str) -> Response:
        if request.method == "HEAD":
            return image_response(by_name(drop.look, link), None)
        return image_response(*by_name(drop.view, link))

    @routes.post("/image/<link>")
    def open_image(link: str) -> Response:
        password = read_opening(request)
        return image_response(*by_name(lambda found: drop.open(found, password), link))

    return routes
