"""One's own images: listed for their owner, and taken in as seed 004's clients send them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from config import Config
from services import AccountAsked, Catalog, Drop, Receipt
from web.answer.address import address
from web.answer.answers import JSON, iso_time
from web.answer.errors import BadRequest
from web.answer.schemas import ListAnswer, ListedImage
from web.description.operation import operation
from web.description.operations import LIST, UPLOAD
from web.pages.page import Page
from web.request.auth import catalog_owner
from web.routes.drop import deposit

LARGEST_PAGE = 1000
USUAL_PAGE = 100
FILTERS = ("prefix", "model_id", "limit", "cursor")


def catalog_routes(drop: Drop, catalog: Catalog, config: Config) -> Blueprint:
    """The routes of an owner's list."""
    routes = Blueprint("catalog", __name__)
    page = Page(config)

    @routes.get("/images")
    @routes.get("/images/")
    @operation(LIST)
    def images() -> Response:
        _check_filters()
        owner = catalog_owner()
        if owner is None:
            raise AccountAsked
        found = catalog.page(
            owner,
            _limit(request.args.get("limit")),
            prefix=request.args.get("prefix", ""),
            model_id=request.args.get("model_id"),
            cursor=request.args.get("cursor") or None,
        )
        data = [_listed(image, address()) for image in found.images]
        response = jsonify(ListAnswer(status="success", data=data, next=found.next))
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.post("/images/upload")
    @operation(UPLOAD)
    def upload() -> Response:
        return deposit(drop, page, JSON)

    return routes


def _check_filters() -> None:
    for name in request.args:
        if name not in FILTERS:
            raise BadRequest(
                "unknown_option", f"The list has the options {', '.join(FILTERS)}, and no others."
            )
        if len(request.args.getlist(name)) > 1:
            raise BadRequest("repeated_option", f"{name} is given twice; give it once.")


def _limit(text: str | None) -> int:
    if text is None:
        return USUAL_PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= LARGEST_PAGE):
        raise BadRequest("bad_limit", f"limit is a whole number from 1 to {LARGEST_PAGE}.")
    return int(text)


def _listed(image: Receipt, base_url: str) -> ListedImage:
    details: dict[str, Any] = vars(image.details) if image.details else {}
    return {
        "image_id": image.link,
        "image_key": image.image_key,
        "image_url": f"{base_url}/image/{image.link}",
        "model_id": details.get("model_id"),
        "filename": details.get("filename"),
        "content_type": details.get("content_type"),
        "size": image.size,
        "width": details.get("width"),
        "height": details.get("height"),
        "sha256": details.get("sha256"),
        "description": details.get("description"),
        "metadata": details.get("metadata"),
        "password": not details,
        "created_at": iso_time(image.created_at),
        "expires_at": iso_time(image.expires_at),
        "views_left": image.views_left,
    }
