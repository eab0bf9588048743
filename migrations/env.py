"""How Alembic reaches the database: through the running application, one migration at a time."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import text

from app import Mayfly, database
from models import db

MIGRATION_LOCK = 0x4D6967726174  # "Migrat"


def migrate_online(app: Mayfly) -> None:
    engine = db.engine.execution_options(isolation_level="READ COMMITTED")
    with database(app.settings), engine.connect() as connection:
        # Every process that starts migrates; the lock makes the others wait until the first is done.
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        context.configure(connection=connection, target_metadata=db.metadata, compare_server_default=True)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", target_metadata=db.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    migrate_online(current_app._get_current_object())  # type: ignore[attr-defined]
