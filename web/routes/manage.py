"""What the holder of an image key may do; a link can do none of it."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from services import Drop, ImageGone, Receipts
from web.answer.answers import described, image_response
from web.answer.errors import BadRequest
from web.answer.pictures import MEDIA_TYPES
from web.answer.schemas import DescribedAnswer
from web.description.common import DATABASE, DONE, SECRET, STORES, UNLOCKING
from web.description.forms import text_schemas
from web.description.operation import Answer, Operation
from web.request.limits import guessing
from web.request.passwords import read_password
from web.request.strict import Strict, read_text

DESCRIBED = {
    200: Answer(
        "The image's details, or what is left once it is used up, or the image.",
        DescribedAnswer,
        MEDIA_TYPES,
        ("Cache-Control",),
    )
}


class ManageOptions(Strict):
    """What the query of an image key may hold."""

    mode: Annotated[Literal["view", "download"], Field(description="is view or download")] = "view"


def manage_routes(drop: Drop, receipts: Receipts) -> Blueprint:
    """The routes of an image key."""
    routes = Blueprint("manage", __name__, url_prefix="/images")

    @routes.get("/<image_key>")
    @Operation(
        "Describe or download an image by its image key; until its expiry, tell when its views were used",
        DESCRIBED,
        (ImageGone, *UNLOCKING, *STORES),
        query=text_schemas(ManageOptions),
        path={"image_key": SECRET},
        account="heeded",
        basic=True,
        limit="opens",
    )
    def describe(image_key: str) -> Response:
        with guessing(read_password(request, None)) as attempt:
            if _mode() == "download":
                return image_response(*drop.download(image_key, attempt), disposition="attachment")
            response = jsonify(described(receipts.describe(image_key, attempt)))
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.delete("/<image_key>")
    @Operation(
        "Delete an image by its image key",
        DONE,
        (ImageGone, *DATABASE),
        path={"image_key": SECRET},
        account="heeded",
    )
    def delete(image_key: str) -> Response:
        receipts.delete(image_key)
        return jsonify(status="success")

    return routes


def _mode() -> str:
    if request.args.keys() - ManageOptions.model_fields:
        raise BadRequest("bad_mode", "mode is the only option here; leave the others out.")
    return read_text(ManageOptions, request.args.to_dict()).mode
