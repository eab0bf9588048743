"""The drop: an image in, and out by its link."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, Response, request
from werkzeug.routing import BaseConverter

from config import Config
from services import Catalog, Drop, ImageGone
from web.answer.address import address
from web.answer.answers import JSON, TEXT, head_response, image_response, receipt_response
from web.description.operation import operation
from web.description.operations import IMAGE_BY_NAME, OPEN_BY_NAME, PUT, UPLOAD
from web.pages.page import Page, wants_page
from web.request.auth import catalog_owner
from web.request.body import read_body
from web.request.conversions import read_conversion
from web.request.filenames import in_path
from web.request.links import split_name
from web.request.options import read_wishes
from web.request.passwords import read_opening

T = TypeVar("T")


class Anything(BaseConverter):
    """The rest of a path whatever is in it: no file name is a 404."""

    regex = r"[\s\S]+"
    part_isolating = False


def deposit(drop: Drop, page: Page, default: str, filename: str | None = None) -> Response:
    """Take an upload in, into the caller's catalog if there is one; answer in the ``default`` form unless asked."""
    body = read_body(request, page.config.max_image_bytes)
    by_form = filename is None and wants_page()
    # A form sends the fields that were left empty too.
    body.fields = {name: value for name, value in body.fields.items() if value or not by_form}
    wishes = read_wishes(request, body, filename)
    receipt = drop.deposit(body.image, wishes, catalog_owner())
    if by_form:
        return page.receipt(receipt, asks_password=bool(wishes.password))
    return receipt_response(receipt, address(), default)


def share_routes(drop: Drop, catalog: Catalog, config: Config) -> Blueprint:
    """The routes of the drop."""
    routes = Blueprint("share", __name__)
    page = Page(config)

    @routes.post("/")
    @routes.post("/upload")
    @operation(UPLOAD)
    def upload() -> Response:
        return deposit(drop, page, JSON)

    @routes.put("/<anything:filename>")
    @operation(PUT)
    def put(filename: str) -> Response:  # noqa: ARG001 - what is no UTF-8 in it is lost here already
        return deposit(drop, page, TEXT, in_path(request))

    @routes.put("/")  # where curl -T is given no file that has a name
    @operation(UPLOAD)
    def put_nameless() -> Response:
        return deposit(drop, page, TEXT)

    @routes.get("/image/<first:name>")
    @operation(IMAGE_BY_NAME)
    def image(name: str) -> Response:
        link, end = split_name(name)
        conversion = read_conversion(request, end)
        if request.method == "HEAD":
            return head_response(*by_name(catalog, lambda found: drop.look(found, conversion), link))
        return image_response(*by_name(catalog, lambda found: drop.view(found, conversion), link))

    @routes.post("/image/<first:name>")
    @operation(OPEN_BY_NAME)
    def open_image(name: str) -> Response:
        link, end = split_name(name)
        password, conversion = read_opening(request), read_conversion(request, end)
        opened = by_name(catalog, lambda found: drop.open(found, password, conversion), link)
        return image_response(*opened)

    return routes


def by_name(catalog: Catalog, open_link: Callable[[str], T], name: str) -> T:
    """Open what a link opens; else the newest image of the model of that name in the caller's catalog."""
    try:
        return open_link(name)
    except ImageGone:
        owner = catalog_owner()
        if owner is None:
            raise
    return open_link(catalog.newest(owner, name))
