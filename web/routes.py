from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response

from config import Config
from services import Accounts, Catalog, Drop, Purge
from web.accounts import account_routes
from web.auth import register_auth
from web.catalog import catalog_routes
from web.cors import register_cors
from web.docs import docs_routes
from web.errors import register_errors
from web.manage import manage_routes
from web.ops import ops_routes
from web.pages import page_routes
from web.share import Anything, share_routes
from web.sharex import sharex_routes


@dataclass(frozen=True)
class Services:
    """The services that routes call."""

    drop: Drop
    purge: Purge
    accounts: Accounts
    catalog: Catalog


def register_web(app: Flask, services: Services, config: Config) -> None:
    """Register every route, every error and the headers that every answer has."""
    app.url_map.merge_slashes = False  # a redirect would repeat the path, which holds a link
    app.url_map.converters["anything"] = Anything
    register_auth(app, services.accounts, open_catalog=config.open_catalog)
    app.register_blueprint(share_routes(services.drop, services.catalog, config))
    app.register_blueprint(catalog_routes(services.drop, services.catalog, config))
    app.register_blueprint(account_routes(services.accounts, services.catalog, services.drop, config))
    app.register_blueprint(manage_routes(services.drop))
    app.register_blueprint(ops_routes(services.purge))
    app.register_blueprint(page_routes())
    app.register_blueprint(sharex_routes(config))
    app.register_blueprint(docs_routes(app))
    register_errors(app)
    register_cors(app, config.cors_origins)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "no-referrer")
        return response
