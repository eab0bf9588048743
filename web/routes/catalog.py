"""One's own images, listed for their owner."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from services import AccountAsked, BadCursor, Catalog, Receipt
from web.answer.address import address
from web.answer.answers import iso_time
from web.answer.errors import BadRequest
from web.answer.schemas import ListAnswer, ListedImage
from web.description.common import DATABASE
from web.description.forms import text_schemas
from web.description.operation import Answer, Operation
from web.request.auth import catalog_owner
from web.request.strict import Strict, read_text

LARGEST_PAGE = 1000
USUAL_PAGE = 100


class ListOptions(Strict):
    """What the query of the list may hold."""

    prefix: Annotated[
        str, Field(description="is what the file name or the image key of each begins with")
    ] = ""
    model_id: Annotated[str | None, Field(description="is the model of each")] = None
    limit: Annotated[
        int, Field(ge=1, le=LARGEST_PAGE, description=f"is a whole number from 1 to {LARGEST_PAGE}")
    ] = USUAL_PAGE
    cursor: Annotated[str | None, Field(description="is the `next` of the page before")] = None


def catalog_routes(catalog: Catalog) -> Blueprint:
    """The routes of an owner's list."""
    routes = Blueprint("catalog", __name__)

    @routes.get("/images")
    @routes.get("/images/")
    @Operation(
        "List one's own images, newest first",
        {200: Answer("A page of the list.", ListAnswer, headers=("Cache-Control",))},
        (AccountAsked, BadCursor, *DATABASE),
        query=text_schemas(ListOptions),
        account="heeded",
    )
    def images() -> Response:
        options = _options()
        owner = catalog_owner()
        if owner is None:
            raise AccountAsked
        found = catalog.page(
            owner,
            options.limit,
            prefix=options.prefix,
            model_id=options.model_id,
            cursor=options.cursor or None,
        )
        data = [_listed(image, address()) for image in found.images]
        response = jsonify(ListAnswer(status="success", data=data, next=found.next))
        response.headers["Cache-Control"] = "no-store"
        return response

    return routes


def _options() -> ListOptions:
    for name, values in request.args.lists():
        if name not in ListOptions.model_fields:
            names = ", ".join(ListOptions.model_fields)
            raise BadRequest("unknown_option", f"The list has the options {names}, and no others.")
        if len(values) > 1:
            raise BadRequest("repeated_option", f"{name} is given twice; give it once.")
    return read_text(ListOptions, request.args.to_dict())


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
