"""Accounts, and images as base64 in JSON: what clients of an older service call."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from config import Config
from services import (
    Account,
    AccountAsked,
    Accounts,
    Catalog,
    CurrentPasswordWrong,
    Drop,
    ImageGone,
    LoginRefused,
    NameTaken,
    OpensByPostOnly,
    Receipt,
    TooManyLogins,
    Uploader,
)
from web.answer.answers import head_response, image_response, iso_time, note_receipt
from web.answer.schemas import DoneAnswer, MeAnswer, MyImage, RegisteredAnswer, StoredAnswer, TokenAnswer
from web.description.common import DATABASE, DONE, IMAGE, RECEIPT_HEADERS, SECRET, STORES, STORING, UNLOCKING
from web.description.forms import form
from web.description.operation import Answer, Operation, RequestBody
from web.request.auth import account
from web.request.bodies import Credentials, PasswordChange, Registration
from web.request.client import client_of
from web.request.encoded import EncodedImage, read_encoded_image
from web.request.gate import prove_code
from web.request.json_body import read_json
from web.request.limits import guessing
from web.request.options import wishes_of
from web.request.passwords import Opening, read_opening

SHOWN_IMAGES = 1000


def account_routes(accounts: Accounts, catalog: Catalog, drop: Drop, config: Config) -> Blueprint:
    """The routes of accounts and their images."""
    routes = Blueprint("accounts", __name__, url_prefix="/api")
    _add_logins(routes, accounts)
    _add_me(routes, accounts, catalog)
    _add_password(routes, accounts)
    _add_upload(routes, drop, config)
    _add_images(routes, drop)
    return routes


def _add_logins(routes: Blueprint, accounts: Accounts) -> None:
    @routes.post("/registration")
    @Operation(
        "Open an account",
        {201: Answer("The account.", RegisteredAnswer)},
        (NameTaken, *DATABASE),
        body=RequestBody(Registration),
        basic=True,
        gate="registration",
        limit="registrations",
    )
    def registration() -> Response:
        asked = read_json(request, Registration)
        prove_code(asked.upload_code)
        return _private(_registered(accounts.register(asked.login, asked.email, asked.password)), 201)

    @routes.route("/login", methods=["GET", "POST"])
    @Operation(
        "Log in",
        {200: Answer("A token.", TokenAnswer)},
        (LoginRefused, TooManyLogins, *DATABASE),
        body=RequestBody(Credentials),
        limit="logins",
    )
    def login() -> Response:
        given = read_json(request, Credentials)
        return _private(
            TokenAnswer(Authorization=accounts.login(given.login, given.password, client_of(request)))
        )


def _add_me(routes: Blueprint, accounts: Accounts, catalog: Catalog) -> None:
    @routes.get("/me")
    @Operation(
        "One's account and its newest images",
        {200: Answer("The account.", MeAnswer)},
        (AccountAsked, *DATABASE),
        account="asked",
    )
    def me() -> Response:
        return _private(_me(account(), catalog.page(account().id, SHOWN_IMAGES).images))

    @routes.delete("/me")
    @Operation(
        "Delete one's account and everything it owns",
        DONE,
        (AccountAsked, *DATABASE),
        account="asked",
    )
    def delete_me() -> Response:
        accounts.delete(account().id)
        return _private(DoneAnswer(status="success"))


def _add_password(routes: Blueprint, accounts: Accounts) -> None:
    @routes.put("/me/password")
    @Operation(
        "Change one's password, which ends every token and API key",
        {200: Answer("A new token.", TokenAnswer)},
        (AccountAsked, CurrentPasswordWrong, TooManyLogins, *DATABASE),
        body=RequestBody(PasswordChange),
        account="logged in",
        limit="logins",
    )
    def change_password() -> Response:
        owner, asked = account(), read_json(request, PasswordChange)
        token = accounts.change_password(owner, asked.password, asked.new_password, client_of(request))
        return _private(TokenAnswer(Authorization=token))


def _add_upload(routes: Blueprint, drop: Drop, config: Config) -> None:
    @routes.post("/images")
    @Operation(
        "Upload an image as base64",
        {201: Answer("The image is stored.", StoredAnswer, headers=(*RECEIPT_HEADERS, "Cache-Control"))},
        (AccountAsked, *STORING),
        body=RequestBody(EncodedImage, holds="base64"),
        account="asked",
        gate="upload",
        limit="uploads",
    )
    def upload() -> Response:
        owner = account()
        sent, image = read_encoded_image(request, config.max_image_bytes)
        prove_code(sent.upload_code)
        receipt = drop.deposit(image, wishes_of(sent), Uploader(client_of(request), owner.id))
        return note_receipt(_private(_stored(receipt, owner), 201), receipt, _source(receipt.link))


def _add_images(routes: Blueprint, drop: Drop) -> None:
    @routes.get("/images/<link>")
    @Operation(
        "The image of a link",
        {200: IMAGE},
        (ImageGone, OpensByPostOnly, *STORES),
        path={"link": SECRET},
        account="heeded",
        limit="opens",
    )
    def image(link: str) -> Response:
        if request.method == "HEAD":
            return head_response(*drop.look(link))
        return image_response(*drop.view(link))

    @routes.post("/images/<link>")
    @Operation(
        "Open an image on purpose",
        {200: IMAGE},
        (ImageGone, *UNLOCKING, *STORES),
        path={"link": SECRET},
        body=form(Opening),
        account="heeded",
        basic=True,
        limit="opens",
    )
    def open_image(link: str) -> Response:
        with guessing(read_opening(request)) as attempt:
            return image_response(*drop.open(link, attempt))


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
