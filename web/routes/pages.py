"""The drop page, the share page, and what they ask the server.

A link or an image key stands in the body of a request, and in no URL that a log keeps.
"""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, render_template, request

from config import Config
from services import Drop, ImageInfo, PasswordAsked, PasswordWrong, TooManyGuesses
from web.answer.address import address
from web.answer.answers import image_response, iso_time
from web.answer.errors import STATUS, BadRequest
from web.description.operation import operation
from web.description.operations import DELETE_BY_FORM, DRAW, GLANCE, HOME, OPEN_BY_FORM, SHARE
from web.pages.page import Page, qr, wants_page
from web.request.body import read_fields
from web.request.links import link_in
from web.request.passwords import read_password


def page_routes(drop: Drop, config: Config) -> Blueprint:
    """The pages, and what a person asks of a link."""
    routes = Blueprint("pages", __name__)
    routes.before_request(_refuse_other_sites)
    page = Page(config)
    _add_pages(routes, page)
    _add_requests(routes, page, drop)
    return routes


def _refuse_other_sites() -> None:
    """A form of another site may not act here (see the decision on CSRF); old browsers and scripts say nothing."""
    if request.method == "POST" and request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise BadRequest(
            "cross_site", "A form of another site can't be used here; open the page itself.", 403
        )


def _add_pages(routes: Blueprint, page: Page) -> None:
    @routes.get("/")
    @operation(HOME)
    def home() -> Response:
        if wants_page():
            return page.drop()
        response = Response(render_template("help.txt", host=address()), mimetype="text/plain")
        response.headers["Vary"] = "Accept"
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.get("/s", strict_slashes=False)
    @operation(SHARE)
    def share() -> Response:
        return page.share()


def _add_requests(routes: Blueprint, page: Page, drop: Drop) -> None:
    @routes.post("/s")
    @operation(GLANCE)
    def glance() -> Response:
        link = link_in(_fields("link").get("link", ""))
        image, seconds_left = drop.glance(link)
        if wants_page():
            return page.render("found.html", link=link, image=image, wrong=None)
        return _glanced(image, seconds_left)

    @routes.post("/s/open")
    @operation(OPEN_BY_FORM)
    def open_image() -> Response:
        fields = _fields("link", "password")
        link = link_in(fields.get("link", ""))
        try:
            return image_response(*drop.open(link, read_password(request, fields.get("password"))))
        except (PasswordAsked, PasswordWrong, TooManyGuesses) as error:
            if not wants_page():
                raise
            status, code = STATUS[type(error)]
            response = page.render("found.html", link=link, image=drop.glance(link)[0], wrong=code)
            # A 401 would make the browser ask for a password itself, and keep it.
            response.status_code = 403 if status == 401 else status
            return response

    @routes.post("/s/qr")
    @operation(DRAW)
    def draw() -> Response:
        link = link_in(_fields("link").get("link", ""))
        if not link:
            raise BadRequest("bad_link", "A link has 32 characters of A-Z, a-z, 0-9, - and _.")
        response = Response(qr(f"{address()}/s#{link}"), mimetype="image/svg+xml")
        response.headers["Cache-Control"] = "no-store"
        return response

    @routes.post("/s/delete")
    @operation(DELETE_BY_FORM)
    def delete() -> Response:
        drop.delete(_fields("image_key").get("image_key", ""))
        return page.render("deleted.html") if wants_page() else jsonify(status="success")


def _fields(*names: str) -> dict[str, str]:
    fields = read_fields(request)
    if set(fields) - set(names) or request.args:
        raise BadRequest("unknown_option", f"Here are only the fields {', '.join(names)}, in the body.")
    return fields


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
