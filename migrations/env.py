"""Alembic's environment: it migrates the databases of the Flask application, one process at a time."""

from __future__ import annotations

import logging

from alembic import context
from flask import current_app
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from app import Mayfly
from commands import in_one_sentence
from database import new_engine, usable_database
from environment import ConfigError
from models import keep_session_settings
from models.schema import db
from services import watch_connections

log = logging.getLogger("mayfly")
MIGRATION_LOCK = 0x4D6967726174  # "Migrat"


def migrate_online(app: Mayfly) -> None:
    """Migrate each database; of several databases, those that are away are skipped, with a warning."""
    engines = {shard.name: new_engine(app.settings, shard.engine.url) for shard in app.shards.all}
    for engine in engines.values():
        watch_connections(engine)
    with in_one_sentence(), usable_database(app.settings, engines.values()):
        for name, engine in engines.items():
            try:
                engine.connect().close()
            except OperationalError:
                if len(engines) == 1:
                    raise
                log.warning("the database of shard %s is away; run `flask db upgrade` when it answers", name)
            else:
                migrate_one(engine)
            finally:
                engine.dispose()


def migrate_one(engine: Engine) -> None:
    # The lock and the time limit belong to the transaction: a pooler may give the session to another client.
    with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        wait_for_turn(connection)
        context.configure(connection=connection, target_metadata=db.metadata, compare_server_default=True)
        refuse_a_newer_schema()
        with context.begin_transaction():
            context.run_migrations()
        keep_session_settings(connection)


def refuse_a_newer_schema() -> None:
    known = {script.revision for script in context.script.walk_revisions()}
    newer = set(context.get_context().get_current_heads()) - known
    if newer:
        raise ConfigError(
            f"the database has the schema of a newer Mayfly ({min(newer)}; this one knows {max(known)}): start the"
            " newer Mayfly, or give this one a database of its own"
        )


def wait_for_turn(connection: Connection) -> None:
    """Wait until this process may migrate: of processes that start at the same time, one migrates and the others
    wait."""
    key = {"key": MIGRATION_LOCK}
    if not connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), key).scalar_one():
        log.warning("another process is migrating the database; waiting until that is done")
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), key)


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=db.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    migrate_online(current_app._get_current_object())  # type: ignore[attr-defined]
