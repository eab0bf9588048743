"""The embedded PostgreSQL, the same one with the same settings that Mayfly starts, for whoever is compared with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import embedded


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A server over a new cluster in the folder; yields a URL that libpq understands."""
    folder.mkdir(exist_ok=True)
    with embedded.running(folder) as url:
        yield url.replace("postgresql+psycopg2://", "postgresql://")
