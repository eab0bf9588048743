"""The one place that knows every room. ``python app.py`` serves Mayfly."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
from flask import Flask, Response, g, request
from flask_migrate import Migrate, upgrade
from sqlalchemy.exc import DBAPIError
from werkzeug.middleware.proxy_fix import ProxyFix

import embedded
from config import Config, ConfigError
from crypto import OwnerSeal, ServerKeys, server_keys_in
from imaging import Limits as PictureLimits
from models import db
from services import Accounts, Budget, Catalog, Drop, Limits, Purge, PurgeSchedule, Room, Shelf
from storage import RowStore
from web import Services, register_web, run_alone

ROOT = Path(__file__).parent
MOST_WAITING = 1024
"""Requests that wait for memory in one process; beyond these one is refused at once."""
log = logging.getLogger("mayfly")
access_log = logging.getLogger("mayfly.access")


class Mayfly(Flask):
    """The application, with the parts that others need at hand."""

    settings: Config
    room: Room
    memory: Budget
    purge: Purge
    accounts: Accounts
    schedule: PurgeSchedule

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Run one request in the caller's thread; the server's front calls ``wsgi_app`` itself."""
        return run_alone(self.wsgi_app, self.memory, environ, start_response)

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a view as it is: none is a coroutine, and Flask would look that up six times a request."""
        return func

    def log_exception(self, exc_info: Any) -> None:
        """Log an error that nothing handled by its type alone: Flask would log the path, and so the link."""
        log.error("unhandled %s in %s", exc_info[0].__name__, request.url_rule)


def create_app(config: Config | None = None) -> Mayfly:
    """Put the rooms together; nothing is started and no connection is made."""
    config = config or Config.from_env()
    app = Mayfly("mayfly", template_folder="web/templates", static_folder=None, root_path=str(ROOT))
    app.settings = config
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.config.update(
        SQLALCHEMY_DATABASE_URI=config.database_url or embedded.url(config.data_dir),
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(config),
    )
    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"))
    with app.app_context():
        engine = db.engine
    row_store, server_keys = RowStore(), _server_keys(config)
    stores = {row_store.name: row_store}
    app.room = Room(engine, config.max_stored_bytes, _disk(config))
    app.purge = Purge(engine, stores.values(), app.room)
    app.schedule = PurgeSchedule(app.purge, config.purge_interval)
    limits = Limits(config.lifetime, config.max_lifetime, PictureLimits(max_pixels=config.max_pixels))
    app.memory = Budget(config.bytes_in_flight, MOST_WAITING)
    shelf = Shelf(engine, server_keys, stores, app.room, app.memory)
    app.accounts = Accounts(engine, server_keys, stores, app.room)
    catalog = Catalog(engine, OwnerSeal(server_keys), shelf)
    drop = Drop(engine, server_keys, row_store, shelf, app.room, limits)
    _observe(app)
    register_web(app, Services(drop, app.purge, app.accounts, catalog), config)
    _register_commands(app)
    if config.trusted_proxies:
        hops = config.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    return app


@contextmanager
def database(config: Config, *, own: bool = False) -> Iterator[None]:
    """See to it that the database runs while the block does: the embedded one is started where none is named.

    Who serves asks to ``own`` it, so that it can't end before its last answer.
    """
    if config.database_url:
        yield
    else:
        with embedded.running(config.data_dir, own=own):
            yield


def migrate(app: Mayfly) -> None:
    """Bring the schema up to date; processes that start together wait for one another.

    Raises ConfigError where the database can't be reached or refuses.
    """
    with app.app_context():
        try:
            upgrade()
        except DBAPIError as error:
            why = str(error.orig).partition("\n")[0]
            raise ConfigError(f"the database can't be used ({why}); start it, or mend DATABASE_URL") from None
        finally:
            db.engine.dispose()


def _server_keys(config: Config) -> ServerKeys:
    return ServerKeys.parse(config.secret_keys) if config.secret_keys else server_keys_in(config.data_dir)


def _disk(config: Config) -> Callable[[], bool] | None:
    """Tell whether the embedded database's disk has room; an outside one says itself when it has none."""
    if config.database_url:
        return None
    under_way = config.workers * config.bytes_in_flight
    return partial(embedded.has_room, config.data_dir, under_way)


def _engine_options(config: Config) -> dict[str, Any]:
    return {
        "pool_size": config.threads + 1,  # one for the purge
        "max_overflow": 0,
        "pool_timeout": 10,
        # Changing it for each use costs a round trip each way; services/database.py begins what needs a transaction.
        "isolation_level": "AUTOCOMMIT",
        "pool_reset_on_return": None,  # in autocommit nothing is left to roll back
        "hide_parameters": True,
        "connect_args": {
            "connect_timeout": 5,
            "application_name": "mayfly",
            # A slot is never analyzed, so its rows are thought to be many and a sort of them cheap; they stand in the
            # order of their index.
            "options": "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
            " -c enable_bitmapscan=off -c jit=off",
        },
    }


def _observe(app: Mayfly) -> None:
    """Log every request by its route, never by its path, which would hold a link; and wake the purge."""

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        milliseconds = (time.perf_counter() - g.began) * 1000
        access_log.info(
            "%s %s %d %.1fms", request.method, request.url_rule, response.status_code, milliseconds
        )
        app.schedule.nudge()
        return response


def _register_commands(app: Mayfly) -> None:
    @app.cli.command("purge")
    def purge() -> None:
        """Remove what has expired."""
        with database(app.settings):
            click.echo(f"deleted {app.purge()}")

    @app.cli.command("renew-accounts")
    def renew_accounts() -> None:
        """Seal accounts under the newest server key, so that an older one may go."""
        with database(app.settings):
            click.echo(f"renewed {app.accounts.renew()}")


if __name__ == "__main__":
    from server import main

    main()
