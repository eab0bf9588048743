"""Accounts, and images as base64 in JSON: what clients of an older service call."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Response, jsonify, request

from config import Config
from services import Account, Accounts, Catalog, Drop, Receipt
from web.answer.answers import head_response, image_response, iso_time, note_receipt
from web.answer.errors import BadRequest
from web.answer.schemas import DoneAnswer, MeAnswer, MyImage, RegisteredAnswer, StoredAnswer, TokenAnswer
from web.description.operation import operation
from web.description.operations import (
    CHANGE_PASSWORD,
    DELETE_ME,
    IMAGE_BY_LINK,
    LOGIN,
    ME,
    OPEN_BY_LINK,
    REGISTER,
    UPLOAD_ENCODED,
)
from web.request.auth import account
from web.request.bodies import Credentials, EncodedImage, PasswordChange, Registration
from web.request.body import encoded_size, too_large
from web.request.json_body import LONG, read_json, read_long_json, unescaped
from web.request.options import make_wishes
from web.request.passwords import read_new_password, read_opening

SHOWN_IMAGES = 1000
LONGEST_HEAD = 256
"""Bytes of a data: URL before its data."""


def account_routes(accounts: Accounts, catalog: Catalog, drop: Drop, config: Config) -> Blueprint:
    """The routes of accounts and their images."""
    routes = Blueprint("accounts", __name__, url_prefix="/api")
    _add_accounts(routes, accounts, catalog)
    _add_images(routes, drop, config)
    return routes


def _add_accounts(routes: Blueprint, accounts: Accounts, catalog: Catalog) -> None:
    @routes.post("/registration")
    @operation(REGISTER)
    def registration() -> Response:
        asked = read_json(request, Registration)
        return _private(_registered(accounts.register(asked.login, asked.email, asked.password)), 201)

    @routes.route("/login", methods=["GET", "POST"])
    @operation(LOGIN)
    def login() -> Response:
        given = read_json(request, Credentials)
        return _private(TokenAnswer(Authorization=accounts.login(given.login, given.password)))

    @routes.get("/me")
    @operation(ME)
    def me() -> Response:
        return _private(_me(account(), catalog.page(account().id, SHOWN_IMAGES).images))

    @routes.delete("/me")
    @operation(DELETE_ME)
    def delete_me() -> Response:
        accounts.delete(account().id)
        return _private(DoneAnswer(status="success"))

    @routes.put("/me/password")
    @operation(CHANGE_PASSWORD)
    def change_password() -> Response:
        owner, asked = account(), read_json(request, PasswordChange)
        token = accounts.change_password(owner, asked.password, asked.new_password)
        return _private(TokenAnswer(Authorization=token))


def _add_images(routes: Blueprint, drop: Drop, config: Config) -> None:
    @routes.post("/images")
    @operation(UPLOAD_ENCODED)
    def upload() -> Response:
        owner = account()
        sent, image = _read_image(config.max_image_bytes)
        wishes = make_wishes(_options(sent), read_new_password(request, sent.password))
        receipt = drop.deposit(image, wishes, owner.id)
        return note_receipt(_private(_stored(receipt, owner), 201), receipt, _source(receipt.link))

    @routes.get("/images/<link>")
    @operation(IMAGE_BY_LINK)
    def image(link: str) -> Response:
        if request.method == "HEAD":
            return head_response(*drop.look(link))
        return image_response(*drop.view(link))

    @routes.post("/images/<link>")
    @operation(OPEN_BY_LINK)
    def open_image(link: str) -> Response:
        return image_response(*drop.open(link, read_opening(request)))


def _read_image(limit: int) -> tuple[EncodedImage, bytearray]:
    """Read the body and decode its image; the body is let go."""
    sent, data = read_long_json(request, EncodedImage, encoded_size(limit) + LONG, "data")
    return sent, decode_image(data, limit)


def decode_image(data: memoryview, limit: int) -> bytearray:
    """Decode base64, by itself, in lines, or as a data: URL, into at most ``limit`` bytes; raises BadRequest.

    It comes as it stands in JSON, escaped.
    """
    head = bytes(data[:LONGEST_HEAD]).partition(b",")[0]
    if head[:5].lower() == b"data:":
        if not head.lower().endswith(b";base64"):
            raise BadRequest("bad_data", "data is a data: URL that is not base64; encode it so.")
        data = data[len(head) + 1 :]
    try:
        image = _decoded(unescaped(data))
    except ValueError:
        raise BadRequest(
            "bad_data", "data is no base64 of the alphabet with + and /, padded with =; encode the image so."
        ) from None
    if not image:
        raise BadRequest("empty_image", "The image is empty; send its bytes as base64 in data.")
    if len(image) > limit:
        raise too_large(limit)
    return image


def _decoded(pieces: Iterator[bytes]) -> bytearray:
    image, rest = bytearray(), b""
    for piece in pieces:
        text = rest + piece.translate(None, b"\r\n")  # as the base64 program and MIME break lines
        whole = len(text) // 4 * 4
        if whole and len(image) % 3:
            raise ValueError("it goes on behind its padding")
        image += binascii.a2b_base64(text[:whole], strict_mode=True)
        rest = text[whole:]
    if rest:
        raise ValueError("it isn't padded")
    return image


def _options(sent: EncodedImage) -> dict[str, Any]:
    """The options as an upload's form fields have them; an object stays one."""
    given = sent.model_dump(exclude={"data", "password"}, exclude_none=True)
    return {name: value if isinstance(value, dict) else str(value) for name, value in given.items()} | {
        "keep_metadata": str(int(sent.keep_metadata or False))
    }


def _private(fields: Any, status: int = 200) -> Response:
    response = jsonify(fields)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _registered(new: Account) -> RegisteredAnswer:
    return {
        "id": str(new.id),
        "login": new.login,
        "email": new.email,
        "createTime": new.created_at.isoformat(),
    }


def _me(mine: Account, images: list[Receipt]) -> MeAnswer:
    return {
        "id": str(mine.id),
        "login": mine.login,
        "images": [_my_image(image) for image in images],
    }


def _my_image(image: Receipt) -> MyImage:
    return {
        "id": image.link,
        "description": image.details.description if image.details else None,
        "source": _source(image.link),
        "upload_date": iso_time(image.created_at),
    }


def _stored(receipt: Receipt, owner: Account) -> StoredAnswer:
    return {
        "id": receipt.link,
        "login": owner.login,
        "source": _source(receipt.link),
        "upload_date": iso_time(receipt.created_at),
        "expires_at": iso_time(receipt.expires_at),
        "image_key": receipt.image_key,
    }


def _source(link: str) -> str:
    return f"/api/images/{link}"
