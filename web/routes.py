from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask

from config import Config
from services import Drop, Purge
from web.assets import Assets, asset_routes
from web.errors import register_errors
from web.headers import harden
from web.languages import register_languages
from web.manage import manage_routes
from web.ops import ops_routes
from web.pages import page_routes
from web.share import Anything, share_routes
from web.words import ERRORS, page_words


@dataclass(frozen=True)
class Services:
    """The services that routes call."""

    drop: Drop
    purge: Purge


def register_web(app: Flask, services: Services, config: Config) -> None:
    """Register every route, every error and the headers that every answer has."""
    app.url_map.converters["anything"] = Anything
    app.register_blueprint(share_routes(services.drop, config))
    app.register_blueprint(manage_routes(services.drop))
    app.register_blueprint(ops_routes(services.purge))
    app.register_blueprint(page_routes(services.drop, config))
    _register_pages(app, urlsplit(config.base_url or "").path)
    register_errors(app)
    app.after_request(harden)


def _register_pages(app: Flask, base: str) -> None:
    """Give the templates what each of them needs; ``base`` is the path that a proxy in front takes away."""
    assets = Assets()
    app.register_blueprint(asset_routes(assets))
    register_languages(app)
    app.jinja_env.globals.update(
        base=base, asset=lambda name: base + assets.path(name), ERRORS=ERRORS, page_words=page_words
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
