from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from config import Config
from services import Accounts, ApiKeys, Catalog, Drop, Gate, Purge, Readiness, Receipts
from web.answer.address import address, base_path
from web.answer.contact import contact, contact_words
from web.answer.cors import register_cors
from web.answer.errors import register_errors
from web.answer.headers import harden
from web.pages.assets import PREVIEW, asset_routes, read_assets
from web.pages.languages import register_languages
from web.pages.texts import ERRORS, explain, page_words
from web.request.auth import register_auth
from web.request.gate import register_gate
from web.request.header_size import register_header_size
from web.request.hosts import register_hosts
from web.request.limits import Limiter, register_limits
from web.request.links import FirstPart
from web.routes.accounts import account_routes
from web.routes.api_keys import api_key_routes
from web.routes.catalog import catalog_routes
from web.routes.contact import contact_routes
from web.routes.docs import docs_routes
from web.routes.drop import Anything, drop_routes
from web.routes.manage import manage_routes
from web.routes.manifest import manifest_routes
from web.routes.operators import operator_routes
from web.routes.pages import page_routes
from web.routes.sharex import sharex_routes


@dataclass(frozen=True)
class Services:
    """The services that routes call."""

    drop: Drop
    receipts: Receipts
    purge: Purge
    accounts: Accounts
    api_keys: ApiKeys
    catalog: Catalog
    readiness: Readiness
    gate: Gate
    limiter: Limiter


def register_web(app: Flask, services: Services, config: Config) -> None:
    """Register every route, every error and the headers that every answer has."""
    app.url_map.merge_slashes = False  # a redirect would repeat the path, which holds a link
    app.url_map.converters["anything"] = Anything
    app.url_map.converters["first"] = FirstPart
    register_header_size(app)
    register_hosts(app, config)
    app.config["BASE_URL"] = config.base_url
    register_limits(app, services.limiter)
    app.config["ABUSE_CONTACT"] = config.abuse_contact
    register_auth(app, services.accounts, services.api_keys, open_catalog=config.open_catalog)
    register_gate(app, services.gate)
    app.register_blueprint(drop_routes(services.drop, services.catalog, config))
    app.register_blueprint(catalog_routes(services.catalog))
    app.register_blueprint(account_routes(services.accounts, services.catalog, services.drop, config))
    app.register_blueprint(api_key_routes(services.api_keys))
    app.register_blueprint(manage_routes(services.drop, services.receipts))
    app.register_blueprint(operator_routes(services.purge, services.readiness))
    app.register_blueprint(page_routes(services.drop, services.receipts, services.gate, config))
    app.register_blueprint(sharex_routes(services.gate))
    app.register_blueprint(contact_routes(config))
    app.register_blueprint(docs_routes(app))
    _register_pages(app, config)
    register_errors(app)
    register_cors(app, config.cors_origins)
    app.after_request(harden)


def _register_pages(app: Flask, config: Config) -> None:
    """Give the templates what each of them needs."""
    assets = read_assets()
    names = {page: assets.names_in(page) for page in assets.pages}
    with app.app_context():
        base = base_path()
    app.register_blueprint(asset_routes(assets))
    app.register_blueprint(manifest_routes(config, assets))
    register_languages(app)
    app.jinja_env.globals.update(
        base=base,
        asset=lambda name: base + assets.path(name),
        grounds=assets.grounds,
        asset_url=lambda name: address() + assets.path(name),
        scripts_of=assets.scripts_of,
        PREVIEW=PREVIEW,
        ERRORS=ERRORS,
        explain=explain,
        page_words=lambda page: page_words(page, names[page]),
        contact=contact,
        contact_words=contact_words,
        operator_name=config.operator_name,
        operator_words=config.operator_words,
        own_address=address,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
