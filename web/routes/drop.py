"""Uploads, and opening an image by its link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from flask import Blueprint, Response, request
from werkzeug.routing import BaseConverter

from config import Config
from services import Catalog, Drop, ImageGone, OpensByPostOnly, Uploader
from web.answer.address import address
from web.answer.answers import JSON, TEXT, head_response, image_response, receipt_response, receipts_response
from web.answer.errors import wants_page
from web.description.common import CONVERTING, IMAGE, RECEIPT, STORES, STORING, UNLOCKING
from web.description.forms import form, text_schemas
from web.description.forms import upload as upload_body
from web.description.operation import Operation
from web.pages.page import Page
from web.request.auth import catalog_owner
from web.request.body import IMAGE_FIELDS, MAX_IMAGES, read_body
from web.request.client import client_of
from web.request.conversions import ConversionOptions, read_conversion
from web.request.filenames import in_path
from web.request.gate import prove_code
from web.request.limits import count_more, guessing
from web.request.links import split_name
from web.request.options import UploadOptions, read_wishes
from web.request.passwords import Opening, read_opening

P = ParamSpec("P")
T = TypeVar("T")
UPLOAD = Operation(
    "Upload an image, or several that are stored together or not at all",
    {201: RECEIPT},
    STORING,
    query=text_schemas(UploadOptions, without=("password", "upload_code")),
    body=upload_body(UploadOptions, IMAGE_FIELDS, MAX_IMAGES),
    account="heeded",
    basic=True,
    gate="upload",
    limit="uploads",
)
CONVERSION = text_schemas(ConversionOptions)
NAME = {
    "name": {"type": "string", "description": "a link or a model id; with .png, .jpg or .webp to convert"}
}


class Anything(BaseConverter):
    """The rest of a path whatever is in it: no file name is a 404."""

    regex = r"[\s\S]+"
    part_isolating = False


def _deposit(drop: Drop, page: Page, default: str, filename: str | None = None) -> Response:
    """Take images in, into the caller's catalog if there is one; answer in the ``default`` form unless asked."""
    body = read_body(request, page.config.max_image_bytes)
    by_form = filename is None and wants_page()
    # A form sends the fields that were left empty too.
    body.fields = {name: value for name, value in body.fields.items() if value or not by_form}
    prove_code(body.fields.get("upload_code"))
    count_more("uploads", len(body.images) - 1)
    wishes = read_wishes(request, body, filename)
    receipts = drop.deposit_all(body.images, wishes, Uploader(client_of(request), catalog_owner()))
    if by_form:
        return page.receipts(receipts, asks_password=bool(wishes.password))
    if len(receipts) > 1:
        return receipts_response(receipts, address(), default)
    return receipt_response(receipts[0], address(), default)


def drop_routes(drop: Drop, catalog: Catalog, config: Config) -> Blueprint:
    """The routes of the drop."""
    routes = Blueprint("drop", __name__)
    _add_uploads(routes, drop, Page(config))
    _add_images(routes, drop, catalog)
    return routes


def _add_uploads(routes: Blueprint, drop: Drop, page: Page) -> None:
    @routes.post("/")
    @routes.post("/upload")
    @routes.post("/images/upload")  # where clients of another image service send them
    @UPLOAD
    def upload() -> Response:
        return _deposit(drop, page, JSON)

    @routes.put("/<anything:filename>")
    @replace(
        UPLOAD,
        summary="Upload an image under a file name",
        path={"filename": {"type": "string", "minLength": 1, "description": "unless the option has another"}},
    )
    def put(filename: str) -> Response:  # noqa: ARG001 - what is no UTF-8 in it is lost here already
        return _deposit(drop, page, TEXT, in_path(request))

    @routes.put("/")  # where curl -T is given no file that has a name
    @UPLOAD
    def put_nameless() -> Response:
        return _deposit(drop, page, TEXT)


def _add_images(routes: Blueprint, drop: Drop, catalog: Catalog) -> None:
    @routes.get("/image/<first:name>")
    @Operation(
        "The image of a link, or the newest one of a model in one's own catalog",
        {200: IMAGE},
        (ImageGone, OpensByPostOnly, *STORES, *CONVERTING),
        query=CONVERSION,
        path=NAME,
        account="heeded",
        limit="opens",
    )
    def image(name: str) -> Response:
        link, end = split_name(name)
        conversion = read_conversion(request, end)
        if request.method == "HEAD":
            return head_response(*_by_name(catalog, drop.look, link, conversion))
        return image_response(*_by_name(catalog, drop.view, link, conversion))

    @routes.post("/image/<first:name>")
    @Operation(
        "Open an image on purpose: one with limited views or a password opens in no other way",
        {200: IMAGE},
        (ImageGone, *UNLOCKING, *STORES, *CONVERTING),
        query=CONVERSION,
        path=NAME,
        body=form(Opening),
        account="heeded",
        basic=True,
        limit="opens",
    )
    def open_image(name: str) -> Response:
        link, end = split_name(name)
        password, conversion = read_opening(request), read_conversion(request, end)
        with guessing(password) as attempt:
            return image_response(*_by_name(catalog, drop.open, link, attempt, conversion))


def _by_name(
    catalog: Catalog,
    open_link: Callable[Concatenate[str, P], T],
    name: str,
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """Open what a link opens; else the newest image of the model of that name in the caller's catalog."""
    try:
        return open_link(name, *args, **kwargs)
    except ImageGone:
        owner = catalog_owner()
        if owner is None:
            raise
    return open_link(catalog.newest(owner, name), *args, **kwargs)
