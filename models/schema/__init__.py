"""The schema as the migrations leave it. Only migrations, the check after them, and ``flask db`` load this package."""

from models.schema.tables import columns, db

__all__ = ["columns", "db"]
