"""Renders the pages from their templates."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import segno
from flask import Response, render_template
from markupsafe import Markup

from config import Config
from services import Receipt
from web.answer.address import address
from web.answer.answers import album_url, receipt_fields
from web.answer.pictures import MEDIA_TYPES
from web.pages.encoding import compress
from web.request.body import MAX_IMAGES
from web.request.gate import WayIn

LIFETIMES = (60, 300, 900, 3600)
VIEWS = (1, 2, 5, 20)
LONG_URL = 200
"""The shortest text, in characters, whose QR code gets less error correction, so that its squares stay readable."""


@dataclass(frozen=True)
class Page:
    """Renders pages and knows what the server allows."""

    config: Config

    def render(self, template: str, **values: object) -> Response:
        """Render a page in the reader's language."""
        response = Response(render_template(template, **values))
        response.headers["Vary"] = "Accept, Accept-Language, User-Agent"
        # Not in any cache, nor in the browser's own for going back: a picture must not stay there.
        response.headers["Cache-Control"] = "no-store"
        return response

    def help(self, template: str, way_in: WayIn | None = None) -> Response:
        """The text that ``curl`` gets in place of the page."""
        response = Response(render_template(template, host=address(), way_in=way_in), mimetype="text/plain")
        response.headers["Vary"] = "Accept, User-Agent"
        response.headers["Cache-Control"] = "no-store"
        return response

    def drop(self, way_in: WayIn) -> Response:
        """The drop page, with the choices that this server allows; where nobody may upload by it, it says so."""
        longest, usual = self.config.max_lifetime, self.config.lifetime
        lifetimes = sorted({usual, *(seconds for seconds in LIFETIMES if seconds <= longest)})
        return compress(
            self.render(
                "drop.html",
                way_in=way_in,
                lifetimes=lifetimes,
                lifetime=usual,
                views=VIEWS,
                accepted=MEDIA_TYPES,
                most=self.config.max_image_bytes,
                most_images=MAX_IMAGES,
                most_pixels=self.config.max_pixels,
            )
        )

    def share(self) -> Response:
        """The share page, which knows nothing of the link it was opened with."""
        return compress(self.render("share.html", most_images=MAX_IMAGES))

    def receipts(self, receipts: list[Receipt], *, asks_password: bool) -> Response:
        """The page that answers an upload by a form; the image keys are shown on it, and never again."""
        base_url = address()
        told = [receipt_fields(receipt, base_url) for receipt in receipts]
        response = self.render(
            "receipt.html",
            receipts=receipts,
            kept=[
                {**fields, "asks_password": asks_password, "lifetime": fields["expires_in"]}
                for fields in told
            ],
            url=album_url(receipts, base_url),
            asks_password=asks_password,
            address=base_url,
            qr=qr,
        )
        response.status_code = 201
        return response


def qr(url: str) -> Markup:
    """Draw a QR code as SVG; what segno writes holds nothing of the text but squares."""
    drawn = BytesIO()
    code = segno.make_qr(url, error="m" if len(url) < LONG_URL else "l")
    code.save(drawn, kind="svg", xmldecl=False, omitsize=True, border=3, dark="#000", light="#fff", nl=False)
    return Markup(drawn.getvalue().decode())  # noqa: S704
