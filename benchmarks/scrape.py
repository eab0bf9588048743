"""What a scrape of METRICS_BIND costs beside 10, 10,000 and 100,000 living images: ``python -m benchmarks.scrape``.

A server with two workers; the images are rows alone, since a scrape reads no sealed bytes.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import requests
from sqlalchemy import create_engine, text

import embedded
from app import create_app, migrate
from benchmarks.catalog import INSERT_OTHERS, PICTURE
from config import Config
from models import OPEN_CATALOG
from tests.cast import SERVER_KEY
from tests.metrics_of import Watched, watched

LIVING = (10, 10_000, 100_000)
SCRAPES = 30


def milliseconds(mayfly: Watched) -> float:
    """One scrape, after a pause in which nothing that is kept for a second stays fresh."""
    time.sleep(1.1)
    began = time.perf_counter()
    assert "mayfly_images_alive" in mayfly.text
    return (time.perf_counter() - began) * 1000


def main() -> None:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = stack.enter_context(embedded.running(Path(folder), durable=False))
        migrate(create_app(Config(database_url=url, secret_keys=(SERVER_KEY,))))
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        mayfly = stack.enter_context(watched(DATABASE_URL=url, SECRET_KEYS=SERVER_KEY, WORKERS="2"))
        for _ in range(20):
            requests.post(f"{mayfly.server.url}/upload?lifetime=1h", data=PICTURE, timeout=30)
        there = 0
        for living in LIVING:
            with engine.connect() as connection:
                connection.execute(INSERT_OTHERS, {"owner": OPEN_CATALOG, "first": there + 1, "last": living})
                connection.execute(text("VACUUM ANALYZE images"))
            there = living
            took = sorted(milliseconds(mayfly) for _ in range(SCRAPES))
            sys.stdout.write(
                f"{living:>7,} images: median {statistics.median(took):.0f} ms, worst {took[-1]:.0f} ms"
                f" of {SCRAPES} scrapes; load {os.getloadavg()[0]:.1f}\n"
            )
        engine.dispose()


if __name__ == "__main__":
    main()
