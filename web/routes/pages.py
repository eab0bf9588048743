"""The drop page, the share page, and what they ask the server.

A link or an image key stands in the body of a request, and in no URL that a log keeps.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from flask import Blueprint, Response, jsonify, request
from pydantic import Field

from config import Config
from services import (
    PASTED,
    SPELLING,
    Drop,
    Gate,
    ImageGone,
    ImageInfo,
    PasswordAsked,
    PasswordWrong,
    Receipts,
    TooManyGuesses,
    is_cut,
    is_link,
)
from web.answer.address import address
from web.answer.answers import image_response, iso_time, standing_fields
from web.answer.errors import STATUS, BadRequest, wants_page
from web.answer.previews import gets_page
from web.answer.schemas import DoneAnswer, GlanceAnswer, StandingsAnswer
from web.description.common import DATABASE, IMAGE, STORES, UNLOCKING
from web.description.forms import form
from web.description.operation import HTML, TEXT, Answer, Operation
from web.pages.page import Page, qr
from web.request.body import MAX_IMAGES
from web.request.forms import read_form
from web.request.gate import way_in
from web.request.limits import count_more, guessing
from web.request.links import album_in, link_in
from web.request.passwords import Password, read_password
from web.request.strict import Strict

T = TypeVar("T", bound=Strict)
CROSS_SITE = {403: "cross_site"}
MOST_KEYS = 100
Pasted = Annotated[
    str, Field(description="is a link, or an address that holds it", json_schema_extra={"pattern": PASTED})
]


class LinkForm(Strict):
    """A link whose image a page wants to describe."""

    link: Pasted = ""


class OpeningForm(LinkForm):
    """The link, and the password if there is one, that open an image."""

    password: Password = None


class DeletionForm(Strict):
    """The image key that deletes an image."""

    image_key: str = ""


class ReceiptsForm(Strict):
    """The image keys whose states a page asks for."""

    image_keys: Annotated[
        str,
        Field(
            pattern=rf"^{SPELLING}(\.{SPELLING}){{0,{MOST_KEYS - 1}}}$",
            description=f"is from 1 to {MOST_KEYS} image keys with dots between them",
        ),
    ]


def page_routes(drop: Drop, receipts: Receipts, gate: Gate, config: Config) -> Blueprint:
    """The pages, and what a person asks of a link."""
    routes = Blueprint("pages", __name__)
    routes.before_request(_refuse_other_sites)
    page = Page(config)
    _add_pages(routes, page, gate)
    _add_glance(routes, page, drop)
    _add_opening(routes, page, drop)
    _add_drawing(routes)
    _add_receipts(routes, receipts)
    _add_deletion(routes, page, receipts)
    return routes


def _refuse_other_sites() -> None:
    """Refuse a form that another site posts (CSRF); old browsers and scripts don't send the header that tells."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise BadRequest(
            "cross_site", "A form of another site can't be used here; open the page itself.", 403
        )


def _add_pages(routes: Blueprint, page: Page, gate: Gate) -> None:
    @routes.get("/")
    @Operation(
        "The drop page, or for curl how to use it",
        {200: Answer("A page, or the same as text.", media_types=(HTML, TEXT))},
    )
    def home() -> Response:
        if gets_page():
            return page.drop(way_in(gate, request))
        return page.help("help.txt", way_in(gate, request))

    @routes.get("/s", strict_slashes=False)
    @Operation(
        "The share page, or for curl how to open a link",
        {200: Answer("A page, or the same as text.", media_types=(HTML, TEXT))},
    )
    def share() -> Response:
        return page.share() if gets_page() else page.help("help-share.txt")


def _add_glance(routes: Blueprint, page: Page, drop: Drop) -> None:
    @routes.post("/s")
    @Operation(
        "What a link leads to, without opening it",
        {200: Answer("What is told.", GlanceAnswer, (HTML,), ("Cache-Control",))},
        (ImageGone, *DATABASE),
        body=form(LinkForm),
        also=CROSS_SITE,
        limit="opens",
    )
    def glance() -> Response:
        pasted = _form(LinkForm).link
        if wants_page() and is_cut(pasted):
            raise BadRequest("link_cut", "The end of this link is missing; copy it again as a whole.", 404)
        album = album_in(pasted)
        if wants_page() and len(album) > 1:
            count_more("opens", len(album[:MAX_IMAGES]) - 1)
            found = _found(drop, album[:MAX_IMAGES])
            return page.render("album.html", images=found, is_link=is_link, most=MAX_IMAGES, all=album)
        link = link_in(pasted)
        image, seconds_left = drop.glance(link)
        if wants_page():
            return page.render("found.html", link=link, image=image, wrong=None)
        return _glanced(image, seconds_left)


def _found(drop: Drop, album: list[str]) -> list[tuple[str, ImageInfo | None]]:
    """Tell of each link of an album what it leads to; None where there is nothing, or where it is cut."""
    found: list[tuple[str, ImageInfo | None]] = []
    for link in album:
        try:
            found.append((link, drop.glance(link)[0]))
        except ImageGone:
            found.append((link, None))
    return found


def _add_opening(routes: Blueprint, page: Page, drop: Drop) -> None:
    @routes.post("/s/open")
    @Operation(
        "Open an image on purpose, by a form",
        {200: IMAGE},
        (ImageGone, *UNLOCKING, *STORES),
        body=form(OpeningForm),
        also=CROSS_SITE,
        basic=True,
        limit="opens",
    )
    def open_image() -> Response:
        sent = _form(OpeningForm)
        link, password = link_in(sent.link), read_password(request, sent.password)
        try:
            with guessing(password) as attempt:
                return image_response(*drop.open(link, attempt))
        except (PasswordAsked, PasswordWrong, TooManyGuesses) as error:
            if not wants_page():
                raise
            status, code = STATUS[type(error)]
            response = page.render("found.html", link=link, image=drop.glance(link)[0], wrong=code)
            # A 401 would make the browser ask for a password itself, and keep it.
            response.status_code = 403 if status == 401 else status
            return response


def _add_drawing(routes: Blueprint) -> None:
    @routes.post("/s/qr")
    @Operation(
        "The share URL of a link as a QR code",
        {200: Answer("The code.", media_types=("image/svg+xml",), headers=("Cache-Control",))},
        body=form(LinkForm, "link"),
        also=CROSS_SITE,
    )
    def draw() -> Response:
        link = link_in(_form(LinkForm).link)
        if not link:
            raise BadRequest("bad_link", "A link has 32 characters of A-Z, a-z, 0-9, - and _.")
        response = Response(qr(f"{address()}/s#{link}"), mimetype="image/svg+xml")
        response.headers["Cache-Control"] = "no-store"
        return response


def _add_receipts(routes: Blueprint, receipts: Receipts) -> None:
    @routes.post("/s/receipts")
    @Operation(
        "What became of images so far, for the holder of their image keys",
        {200: Answer("What is told.", StandingsAnswer, headers=("Cache-Control",))},
        DATABASE,
        body=form(ReceiptsForm, "image_keys"),
        also=CROSS_SITE,
        limit="receipts",
    )
    def standings() -> Response:
        found = receipts.standings(_form(ReceiptsForm).image_keys.split("."))
        images = [None if standing is None else standing_fields(standing) for standing in found]
        response = jsonify(StandingsAnswer(status="success", images=images))
        response.headers["Cache-Control"] = "no-store"
        return response


def _add_deletion(routes: Blueprint, page: Page, receipts: Receipts) -> None:
    @routes.post("/s/delete")
    @Operation(
        "Delete an image by its image key, by a form",
        {200: Answer("It is done.", DoneAnswer, (HTML,))},
        (ImageGone, *DATABASE),
        body=form(DeletionForm),
        also=CROSS_SITE,
    )
    def delete() -> Response:
        receipts.delete(_form(DeletionForm).image_key)
        return page.render("deleted.html") if wants_page() else jsonify(status="success")


def _form(schema: type[T]) -> T:
    if request.args:
        raise BadRequest("unknown_option", "Nothing stands in this address; send the form as the body.")
    return read_form(request, schema)


def _glanced(image: ImageInfo, seconds_left: float) -> Response:
    response = jsonify(
        status="success",
        size=image.size,
        expires_at=iso_time(image.expires_at),
        expires_in=seconds_left,
        views_left=image.views_left,
        password=image.details is None,
    )
    response.headers["Cache-Control"] = "no-store"
    return response
