"""What a crash of PostgreSQL ends, seen by a process whose connections outlived it, as a pooler's do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from models import UNLOGGED, ciphertexts
from storage import RowStore
from tests.cast import deposit, told
from tests.conftest import MakeApp
from tests.databases import run, value
from tests.processes import until


def crash(engine: Engine) -> None:
    """Empty every unlogged table, as a recovery does."""
    with engine.begin() as connection:
        filled = RowStore(survives_crash=False).filled(connection)
        tables = ["crash_mark", *(ciphertexts(slot, UNLOGGED) for slot in filled)]
        connection.execute(text(f"TRUNCATE {', '.join(tables)}"))


def rows(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(text("SELECT store FROM images")))


def test_the_next_purge_forgets_what_was_lost_and_nothing_else(
    make_app: MakeApp, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    kept = deposit(make_app(survive_crash=True).test_client())
    client = make_app(survive_crash=False, open_catalog=True).test_client()
    lost, small = told(client), deposit(client, views=1)
    crash(engine)
    after = deposit(client)
    for _ in range(2):
        assert client.get(f"/image/{lost['hash']}").status_code == 404
        assert client.post(f"/image/{small}").status_code == 404
        assert [client.get(f"/image/{link}").status_code for link in (kept, after)] == [200, 200]
        assert client.post("/cleanup").get_json()["deleted"] == 0
    assert client.get(f"/images/{lost['image_key']}").status_code == 404
    assert len(client.get("/images").get_json()["data"]) == 1
    assert caplog.text.count("2 images ended with it") == 1
    assert rows(engine) == {"rows", "unlogged"}


def test_a_database_that_ends_while_a_purge_asks_is_away(
    make_app: MakeApp, engine: Engine, database_url: str
) -> None:
    client = make_app().test_client()
    assert client.get("/cleanup").status_code == 200
    waiting = "FROM pg_stat_activity WHERE wait_event = 'relation' AND query LIKE '%crash_mark%'"
    with ThreadPoolExecutor(1) as pool, engine.begin() as connection:
        connection.execute(text("LOCK TABLE crash_mark"))
        answer = pool.submit(client.get, "/cleanup")
        assert until(lambda: value(database_url, f"SELECT count(*) {waiting}") == 1)
        run(database_url, f"SELECT pg_terminate_backend(pid) {waiting}")
        assert answer.result(30).status_code == 503
    assert client.get("/cleanup").status_code == 200
