"""What the schema is to be: loaded by migrations, by the check after them and by commands of ``flask db`` alone."""

from models.schema.tables import columns, db

__all__ = ["columns", "db"]
