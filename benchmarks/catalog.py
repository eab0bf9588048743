"""Measures how long a page of the catalog takes if others have 10, 1,000 or 100,000 images.

``python -m benchmarks.catalog``. Alice owns 1,000 living images. Measured in one process are: GET /images?limit=100 (a
page), for comparison ten views of a photograph of 25 KB, the newest image of a model, and a search of all 1,000 images
for a prefix that none has.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine, text

import embedded
from app import Mayfly, create_app, migrate
from config import Config
from crypto.server_keys import generate_server_key

OWN = 1000
OTHERS = (10, 1_000, 100_000)
RUNS = 40
PICTURE = (Path(__file__).parent.parent / "tests" / "images" / "flower.jpg").read_bytes()
INSERT_OTHERS = text(
    """
    INSERT INTO images (row_key, manage_tag, store, slot, size, views_left, created_at, expires_at, details,
        owner_id, owned_at, owner_key, model_tag)
    SELECT sha256(('row' || n)::bytea), sha256(('tag' || n)::bytea), 'rows', n % 128, 1000, NULL, now(),
        now() + interval '1 hour', decode(repeat('ab', 300), 'hex'), :owner, now() - n * interval '1 millisecond',
        decode(repeat('cd', 89), 'hex'), sha256((n % 1000)::text::bytea)
    FROM generate_series(:first, :last) AS n
    """
)


def register(client: FlaskClient, login: str) -> dict[str, str]:
    fields = {"login": login, "email": f"{login}@example.org", "password": "correct horse"}
    client.post("/api/registration", json=fields)
    credentials = {name: fields[name] for name in ("login", "password")}
    return dict(client.post("/api/login", json=credentials).get_json())


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long a call took."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def measure(client: FlaskClient, alice: dict[str, str], link: str) -> list[float]:
    """Return the medians in milliseconds. The calls alternate, so that other load affects all of them alike."""

    def get(path: str) -> Callable[[], object]:
        def call() -> None:
            answer = client.get(path, headers=alice)
            assert answer.status_code == 200, answer.text

        return call

    calls = [
        lambda: [client.get(f"/image/{link}").get_data() for _ in range(10)],
        get("/images?limit=100"),
        get(f"/image/model-{OWN // 2}"),
        get("/images?prefix=nothing"),
    ]
    times = [[milliseconds(call) for call in calls] for _ in range(RUNS + 5)][5:]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def run(app: Mayfly, engine: Engine) -> None:
    client = app.test_client()
    alice, other = register(client, "alice"), register(client, "charlie")
    links = [
        client.post(f"/upload?lifetime=1h&model_id=model-{n}", data=PICTURE, headers=alice).get_json()["hash"]
        for n in range(OWN)
    ]
    owner = client.get("/api/me", headers=other).get_json()["id"]
    print(f"{'others':>8} {'10 views':>9} {'page':>8} {'model':>8} {'search':>8}   (ms)")
    there = 0
    for others in OTHERS:
        with engine.begin() as connection:
            connection.execute(INSERT_OTHERS, {"owner": owner, "first": there + 1, "last": others})
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE images"))
        there = others
        views, page, model, search = measure(client, alice, links[OWN // 2])
        print(f"{others:>8} {views:>9.1f} {page:>8.1f} {model:>8.1f} {search:>8.1f}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder), durable=False) as url:
        app = create_app(Config(database_url=url, secret_keys=(generate_server_key(),), purge_interval=0))
        migrate(app)
        engine = create_engine(url)
        run(app, engine)
        engine.dispose()


if __name__ == "__main__":
    main()
