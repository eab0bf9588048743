"""The web app manifest: a phone that has Mayfly installed hands pictures of its gallery to the share target."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response

from config import Config
from web.answer.address import base_path
from web.description.operation import Answer, Operation
from web.pages.assets import Assets
from web.pages.encoding import compress
from web.pages.languages import language, locale, translate
from web.pages.texts import DESCRIPTION

MEDIA_TYPE = "application/manifest+json"
NAME = "Mayfly"
ICONS = (
    ("192.png", "192x192", "image/png", "any"),
    ("512.png", "512x512", "image/png", "any"),
    ("maskable.png", "512x512", "image/png", "maskable"),
    ("mayfly.svg", "any", "image/svg+xml", "any"),
)
FOR_AN_HOUR = "public, max-age=3600"
BY_THE_PAGE = ("open", "code")
"""Where UPLOADS is one of these, people upload by the pages."""


def manifest_routes(config: Config, assets: Assets) -> Blueprint:
    """The route of the manifest."""
    routes = Blueprint("manifest", __name__)

    @routes.get("/manifest.webmanifest")
    @Operation(
        "The web app manifest, with a share target where people upload by the pages",
        {200: Answer("The manifest.", media_types=(MEDIA_TYPE,), headers=("Cache-Control",))},
    )
    def manifest() -> Response:
        described = describe_app(base_path(), assets.grounds[0], config.operator_name)
        if config.uploads in BY_THE_PAGE:
            described["share_target"] = share_target(base_path())
        data = json.dumps(described).encode()
        response = Response(data, mimetype=MEDIA_TYPE)
        response.headers["Vary"] = "Accept-Language"
        response.headers["Cache-Control"] = FOR_AN_HOUR
        return compress(response)

    return routes


def describe_app(base: str, ground: str, operator: str | None) -> dict[str, Any]:
    """Describe the pages as an app, in the language of this request (https://www.w3.org/TR/appmanifest/)."""
    return {
        "id": f"{base}/",
        "name": f"{NAME} ({operator})" if operator else NAME,
        "short_name": NAME,
        "description": translate(DESCRIPTION),
        "lang": language(),
        "dir": locale().text_direction,
        "start_url": f"{base}/",
        "scope": f"{base}/",
        "display": "standalone",
        "background_color": ground,
        "theme_color": ground,
        "icons": [
            {"src": f"{base}/icons/{name}", "sizes": sizes, "type": kind, "purpose": purpose}
            for name, sizes, kind, purpose in ICONS
        ],
    }


def share_target(base: str) -> dict[str, Any]:
    """Let a gallery post pictures as the form of the drop page does (https://w3c.github.io/web-share-target/level-2/)."""
    return {
        "action": f"{base}/upload",
        "method": "POST",
        "enctype": "multipart/form-data",
        "params": {"files": [{"name": "file", "accept": ["image/*"]}]},
    }
