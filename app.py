"""Builds the application from the parts in all packages. ``python app.py`` serves Mayfly."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # first, since the main process must not load the imports below
    from server import main

    main()
    sys.exit()

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import request
from sqlalchemy.exc import ArgumentError

import embedded
from commands import CommandServices, in_one_sentence, register_commands
from config import Config
from crypto import MalformedServerKey, OwnerSeal, ServerKeys, client_tag, server_keys_in
from database import MIGRATIONS, disk_room, new_engine, newest_schema, refuse_other_tables, shards_of
from environment import ConfigError, may_be_flask_db
from imaging import Limits as PictureLimits
from services import (
    Accounts,
    ApiKeys,
    Catalog,
    Drop,
    DropLimits,
    Gate,
    ImageWriter,
    LivingImages,
    Memory,
    Needs,
    OperatorActions,
    Orders,
    Purge,
    PurgeClock,
    PurgeSchedule,
    Quota,
    QuotaLimits,
    Readiness,
    Receipts,
    Shards,
    Status,
    Sweep,
    UploadCodes,
    UploaderQuotas,
)
from storage import ObjectStore
from stores import stores_of
from units import parse_upload_codes
from web import (
    Application,
    Counters,
    Limiter,
    Services,
    admitted,
    behind_proxies,
    counters_at,
    observe,
    register_web,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

ROOT = Path(__file__).parent
log = logging.getLogger("mayfly")


class Mayfly(Application):
    """The Flask application, with its services as attributes."""

    settings: Config
    shards: Shards
    quota: Quota
    memory: Memory
    drop: Drop
    receipts: Receipts
    plain_wsgi: WSGIApplication
    purge: Purge
    sweep: Sweep | None
    accounts: Accounts
    operator: OperatorActions
    purge_clock: PurgeClock
    status: Status
    api_keys: ApiKeys
    schedule: PurgeSchedule
    readiness: Readiness

    def log_exception(self, exc_info: Any) -> None:
        """Log only the type of an unhandled error: Flask would log the path, which may contain a link."""
        log.error("unhandled %s in %s", exc_info[0].__name__, request.url_rule)


def create_app(config: Config | None = None, counters: Counters | None = None) -> Mayfly:
    """Build the application; this starts nothing and makes no connection.

    ``counters`` are the counters of the rate limits, which all processes of a machine may share; by default this
    process has its own. Raises ConfigError and MalformedServerKey; in a command of ``flask``, ClickException.
    """
    with in_one_sentence():
        return _put_together(config or Config.from_env(), counters or Counters())


def _put_together(config: Config, counters: Counters) -> Mayfly:
    app = Mayfly("mayfly", template_folder="web/pages/templates", static_folder=None, root_path=str(ROOT))
    app.settings = config
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.shards, server_keys = _shards(app), _server_keys(config)
    if may_be_flask_db():
        know_migrations(app)
    catalog = _add_services(app, server_keys)
    observe(app, config, app.schedule.nudge)
    limiter = _limiter(config, counters, server_keys)
    services = Services(
        app.drop,
        app.receipts,
        app.purge,
        app.accounts,
        app.api_keys,
        catalog,
        app.readiness,
        _gate(config),
        limiter,
    )
    register_web(app, services, config)
    command_services = CommandServices(
        app.purge, app.sweep, app.accounts, app.api_keys, app.operator, app.status, app.shards
    )
    register_commands(app, config, command_services)
    app.memory = Memory(config.bytes_in_flight)
    app.plain_wsgi = behind_proxies(
        app.wsgi_app, config.trusted_proxies, forwarded=config.proxies_write_forwarded
    )
    app.wsgi_app = admitted(app.plain_wsgi, app.memory)  # type: ignore[assignment, method-assign]
    return app


def _add_services(app: Mayfly, server_keys: ServerKeys) -> Catalog:
    """Set the application's services as its attributes; return the catalog, which only the routes need."""
    config, shards, stores = app.settings, app.shards, stores_of(app.settings)
    objects = stores.objects
    app.sweep = Sweep(shards.home.engine, objects, config.max_lifetime) if objects else None
    app.quota = Quota(shards, config.max_stored_bytes, disk_room(config))
    app.purge = Purge(shards, stores.in_rows, app.quota, app.sweep)
    app.purge_clock = PurgeClock(stores.in_rows, config.max_lifetime)
    app.schedule = PurgeSchedule(app.purge, shards.dispose, config.purge_interval)
    app.accounts = Accounts(shards, server_keys, stores.by_name, app.quota)
    app.api_keys = ApiKeys(shards.home.engine, server_keys, app.accounts)
    images = LivingImages(shards, server_keys, stores.by_name, app.quota)
    orders = Orders(shards, server_keys)
    quotas = _uploader_quotas(config, server_keys)
    writer = ImageWriter(shards, stores.rows, stores.large, app.quota, quotas, images)
    app.receipts = Receipts(shards, server_keys, images)
    app.drop = Drop(shards, server_keys, images, writer, _drop_limits(config), orders)
    app.readiness = _readiness(app, orders, objects)
    app.status = Status(shards, app.purge_clock, config.max_stored_bytes)
    app.operator = OperatorActions(shards, server_keys, images)
    return Catalog(shards, OwnerSeal(server_keys), images)


def _drop_limits(config: Config) -> DropLimits:
    picture = PictureLimits(
        max_pixels=config.max_pixels,
        max_conversion_pixels=config.max_conversion_pixels,
        accept_no_jail=config.accept_no_jail,
    )
    return DropLimits(config.lifetime, config.max_lifetime, picture, config.bytes_in_flight)


def _uploader_quotas(config: Config, server_keys: ServerKeys) -> UploaderQuotas:
    client = QuotaLimits(config.max_images_per_client, config.max_bytes_per_client)
    owner = QuotaLimits(config.max_images_per_owner, config.max_bytes_per_owner)
    return UploaderQuotas(server_keys, client, owner)


def _limiter(config: Config, counters: Counters, server_keys: ServerKeys) -> Limiter:
    store = counters_at(config.rate_limit_storage_url, counters)
    return Limiter(config.rate_limits, store, partial(client_tag, server_keys))


def _gate(config: Config) -> Gate:
    codes = UploadCodes(config.upload_codes, config.upload_codes_file, parse_upload_codes)
    return Gate(config.uploads, config.registration, config.upload_networks, codes)


def _readiness(app: Mayfly, orders: Orders, objects: ObjectStore | None) -> Readiness:
    config = app.settings
    needs = Needs(
        schema=newest_schema(),
        purge_interval=config.purge_interval,
        accept_no_jail=config.accept_no_jail,
        disk_has_room=disk_room(config),
        store_answers=objects.check if objects else None,
    )
    return Readiness(app.shards, app.purge_clock, orders, needs)


def _shards(app: Mayfly) -> Shards:
    """Make the engine of each database."""
    config = app.settings
    url = config.home_url or embedded.url(config.data_dir)
    app.config["SQLALCHEMY_DATABASE_URI"] = url  # Flask-SQLAlchemy, which migrations use, reads it
    try:
        return shards_of(config, url, new_engine(config, url))
    except (ValueError, ArgumentError):  # their messages may contain a password
        raise ConfigError(
            f"{config.database_settings} can't be read: write postgresql://USER:PASSWORD@HOST:5432/DATABASE"
        ) from None


def know_migrations(app: Mayfly) -> None:
    """Register the migrations with Flask-Migrate; this loads Alembic, the ORM and the tables, which take 20 MB."""
    from flask_migrate import Migrate

    from models.schema import db

    if "sqlalchemy" not in app.extensions:
        db.init_app(app)
    Migrate(app, db, directory=str(MIGRATIONS))


def migrate(app: Mayfly) -> None:
    """Bring the schema up to date; processes that start at the same time do this one after the other.

    Raises ConfigError and DatabaseAway if the database can't be reached, refuses, or has another schema than the
    migrations make. Of several databases, those that are away are skipped.
    """
    from flask_migrate import upgrade

    from models.schema import columns

    know_migrations(app)
    with app.app_context():
        try:
            upgrade()
            app.shards.each(partial(refuse_other_tables, columns()))
        finally:
            app.shards.dispose()


def _server_keys(config: Config) -> ServerKeys:
    try:
        if config.secret_keys is not None:
            return ServerKeys.parse(config.secret_keys)
        return server_keys_in(config.data_dir)
    except MalformedServerKey as error:
        raise MalformedServerKey(f"{config.server_key_setting}: {error}") from None
    except OSError as error:
        raise ConfigError(
            f"the server key can't be kept in {config.data_dir} ({error.strerror}): let this user write there,"
            " or set DATA_DIR or SECRET_KEYS"
        ) from None
