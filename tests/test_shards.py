"""Several databases of images: an upload finds one that lives, and an image is found where its row key says."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError

import embedded
from app import Mayfly
from crypto import Link
from services import NotEverywhere
from services.lent import look
from tests.cast import FLOWER, SERVER_KEY, deposit, register, told
from tests.clusters import Fill
from tests.databases import run, schema, value
from tests.processes import serving, until
from tests.shards import Urls, application, away, databases, frozen, name_of, postmaster_of, row_keys


@pytest.fixture(scope="module")
def three(database_url: str) -> Iterator[Urls]:
    with databases(database_url, "a", "b", "c") as urls:
        yield urls


@pytest.fixture
def urls(three: Urls) -> Urls:
    """Two of them, empty."""
    for url in three.values():
        run(url, "TRUNCATE images; DELETE FROM blocked; UPDATE operator SET uploads_off_since = NULL")
        run(url, "DELETE FROM owners WHERE token_version <> 0 OR account <> ''")
    return {name: three[name] for name in "ab"}


@pytest.fixture
def app(urls: Urls) -> Iterator[Mayfly]:
    made = application(urls)
    yield made
    made.shards.dispose()


@pytest.fixture
def client(app: Mayfly) -> FlaskClient:
    return app.test_client()


def on(client: FlaskClient, urls: Urls, name: str, **options: Any) -> dict[str, Any]:
    """Upload until an image falls on a shard."""
    while True:
        receipt = told(client, **options)
        if name_of(receipt["hash"], urls) == name:
            return receipt


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Keep every upload into a database waiting while the block runs."""
    blocker = create_engine(url)
    with suppress(OperationalError), blocker.connect() as connection:
        connection.execute(text("LOCK TABLE images IN ACCESS EXCLUSIVE MODE"))
        yield
    blocker.dispose()


def stuck(url: str) -> int:
    """How many uploads wait in a database."""
    waiting = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int(value(url, f"SELECT count(*) {waiting}"))


def started(upload: Callable[[], object], number: int) -> list[threading.Thread]:
    threads = [threading.Thread(target=upload) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads


def status(client: FlaskClient, receipt: dict[str, Any]) -> int:
    return client.get(f"/image/{receipt['hash']}").status_code


def test_an_image_is_where_its_row_key_says_and_nowhere_else(client: FlaskClient, urls: Urls) -> None:
    receipts = [told(client, views=2) for _ in range(12)]
    keys = {name: row_keys(url) for name, url in urls.items()}
    assert all(keys.values())
    for receipt in receipts:
        its = Link.parse(receipt["hash"]).row_key
        assert {name for name in keys if its in keys[name]} == {name_of(receipt["hash"], urls)}
        opened = client.post(f"/image/{receipt['hash']}")
        assert (opened.status_code, opened.data) == (200, FLOWER)
        assert client.get(f"/images/{receipt['image_key']}").get_json()["views_left"] == 1
        assert client.get(f"/images/{receipt['image_key']}?mode=download").data == FLOWER
        assert client.delete(f"/images/{receipt['image_key']}").status_code == 200
    assert not any(map(row_keys, urls.values()))


@pytest.mark.parametrize("dying", ["a", "b"])
def test_no_upload_fails_while_one_database_lives(client: FlaskClient, urls: Urls, dying: str) -> None:
    receipts = {name: on(client, urls, name) for name in urls}
    (other,) = set(urls) - {dying}
    with away(urls[dying]):
        during = [told(client, password="hunter2"), *(told(client) for _ in range(8))]
        assert {name_of(receipt["hash"], urls) for receipt in during} == {other}
        assert status(client, receipts[dying]) == 503
        assert status(client, receipts[other]) == 200
        assert client.get(f"/image/{'x' * 32}").status_code in {404, 503}
    assert until(lambda: status(client, receipts[dying]) == 200)
    assert [status(client, receipt) for receipt in (receipts[other], *during[1:])] == [200] * 9


def test_the_images_of_one_request_stay_together(client: FlaskClient, urls: Urls) -> None:
    for number in range(4):
        files = [(io.BytesIO(FLOWER), f"{number}.jpg") for _ in range(3)]
        answer = client.post("/upload", data={"file": files})
        assert answer.status_code == 201
        assert len({name_of(image["hash"], urls) for image in answer.get_json()["images"]}) == 1


def test_an_upload_whose_database_dies_under_it_goes_to_another(
    app: Mayfly, client: FlaskClient, urls: Urls
) -> None:
    """It waits in its transaction when its connection ends; nothing was acknowledged, so other secrets are drawn.

    One that waited for the lock alone may still be done before its own connection ends.
    """
    answers: list[dict[str, Any]] = []

    def upload() -> None:
        answers.append(told(app.test_client()))

    with locked(urls["b"]):
        threads = started(upload, 12)
        assert until(lambda: stuck(urls["b"]) > 0)
        with away(urls["b"]):  # the lock ends too, with its connection
            for thread in threads:
                thread.join(60)
        assert len(answers) == 12
    assert until(lambda: {status(client, receipt) for receipt in answers} == {200})


def test_a_database_that_is_away_is_not_tried_by_each_request(
    app: Mayfly, client: FlaskClient, urls: Urls
) -> None:
    receipt, tried = on(client, urls, "b"), []
    (shard,) = (shard for shard in app.shards.all if shard.name == "b")
    event.listen(shard.engine, "do_connect", lambda *_: tried.append(1))
    with away(urls["b"]):
        began = time.monotonic()
        assert [status(client, receipt) for _ in range(60)] == [503] * 60
        assert len(tried) <= 3 + (time.monotonic() - began)


def test_a_database_that_hangs_is_left_alone_after_seconds(urls: Urls, fill: Fill, tmp_path: Path) -> None:
    """Nothing else would end what waits here: the limit of a use is set to an hour."""
    with embedded.running(fill(tmp_path), durable=False) as other, looking(3600):
        urls["b"] = other
        app = application(urls)
        client = app.test_client()
        receipt = on(client, urls, "b")
        assert on(client, urls, "a")
        with frozen(postmaster_of(tmp_path)):
            during = [told(client) for _ in range(8)]
            assert status(client, receipt) == 503
            assert {name_of(image["hash"], urls) for image in during} == {"a"}
        assert until(lambda: status(client, receipt) == 200)
        assert on(client, urls, "b")
        app.shards.dispose()


def test_a_database_that_is_slow_is_waited_for(app: Mayfly, client: FlaskClient, urls: Urls) -> None:
    """It answers questions while an upload waits in it, here for a lock."""
    (shard,) = (shard for shard in app.shards.all if shard.name == "b")
    asked: list[int] = []
    event.listen(shard.engine.pool, "connect", lambda *_: asked.append(1))
    with looking(3600), locked(urls["b"]):
        threads = started(lambda: told(app.test_client()), 16)  # each goes to one of two databases at random
        assert until(lambda: stuck(urls["b"]) > 0)
        waiting, made = stuck(urls["b"]), len(asked)
        assert until(lambda: len(asked) > made + 3)  # by now it was doubted again and again
        assert stuck(urls["b"]) == waiting
        assert not shard.away
    for thread in threads:
        thread.join(60)
    assert row_keys(urls["b"])


@contextmanager
def looking(most: float) -> Iterator[None]:
    """Look after the connections of this process, as a worker does."""
    over = threading.Event()

    def go_on() -> None:
        while not over.wait(0.2):
            look(most)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(60)


def test_a_database_is_added_and_taken_away_without_a_miss(three: Urls, urls: Urls) -> None:
    """2, 3, 2 databases: written by the new list, read by the new and then by the one before."""
    steps = [(urls, {}), (three, urls), (three, {}), (urls, three)]
    kept: list[dict[str, Any]] = []
    for newest, before in steps:
        if not before:
            kept.clear()  # MAX_LIFETIME is over
        app = application(newest, before)
        client = app.test_client()
        kept += [told(client) for _ in range(9)]
        assert [status(client, receipt) for receipt in kept] == [200] * len(kept)
        asked = client.post(
            "/s/receipts", data={"image_keys": ".".join(each["image_key"] for each in kept[:9])}
        )
        assert all(asked.get_json()["images"])
        app.shards.dispose()


def test_where_an_image_may_be_in_one_that_is_away_it_is_not_called_missing(three: Urls, urls: Urls) -> None:
    app = application(urls)
    receipts = [told(app.test_client()) for _ in range(9)]
    app.shards.dispose()
    later = application(three, urls)
    client = later.test_client()
    with away(three["c"]):
        assert [status(client, receipt) for receipt in receipts] == [200] * 9
    with away(three["b"]):
        of_b = [name_of(receipt["hash"], urls) == "b" for receipt in receipts]
        assert [status(client, receipt) for receipt in receipts] == [503 if here else 200 for here in of_b]
    later.shards.dispose()


def test_a_list_asks_all_databases_and_is_in_order(client: FlaskClient, urls: Urls) -> None:
    header = register(client)
    kept = [told(client, header, model_id="cat") for _ in range(10)]
    assert len({name_of(receipt["hash"], urls) for receipt in kept}) == 2
    listed: list[str] = []
    more: dict[str, Any] = {"limit": 3}
    while more:
        page = client.get("/images", query_string=more, headers=header).get_json()
        listed += [image["image_id"] for image in page["data"]]
        more = {"limit": 3, "cursor": page["next"]} if page["next"] else {}
    assert listed == [receipt["hash"] for receipt in reversed(kept)]
    assert client.get("/image/cat", headers=header).data == FLOWER
    with away(urls["b"]):
        assert client.get("/images", headers=header).status_code == 503
        assert client.get("/image/cat", headers=header).status_code == 503
        assert told(client, header)["hash"]  # the account is in the first database, which lives


def test_an_account_that_goes_takes_its_images_from_all(client: FlaskClient, app: Mayfly, urls: Urls) -> None:
    header = register(client, "bob")
    kept = [told(client, header) for _ in range(10)]
    with away(urls["b"]):
        assert delete_account(app, header) == "DatabaseAway"
    assert until(lambda: {status(client, receipt) for receipt in kept} == {200})
    assert delete_account(app, header) == "done"
    assert {status(client, receipt) for receipt in kept} == {404}
    assert [value(url, "SELECT count(*) FROM owners") for url in urls.values()] == [1, 1]


def delete_account(app: Mayfly, header: dict[str, str]) -> str:
    try:
        app.accounts.delete(app.accounts.identify(header["Authorization"]).id)
    except Exception as error:
        return type(error).__name__
    return "done"


def test_an_upload_that_outlives_its_account_is_taken_back(
    app: Mayfly, client: FlaskClient, urls: Urls
) -> None:
    """No foreign key reaches from one database to another."""
    header = register(client, "carol")
    answers: list[int] = []

    def upload() -> None:
        answers.append(app.test_client().post("/upload", data=FLOWER, headers=header).status_code)

    with locked(urls["b"]):
        threads = started(upload, 4)
        assert until(lambda: len(answers) + stuck(urls["b"]) == 4)
        late = stuck(urls["b"])
        run(urls["a"], "DELETE FROM owners WHERE account <> ''")
    for thread in threads:
        thread.join(60)
    assert sorted(answers) == [201] * (4 - late) + [401] * late
    assert not row_keys(urls["b"])


def test_each_database_has_the_operator_s_orders(
    app: Mayfly, client: FlaskClient, urls: Urls, three: Urls
) -> None:
    for shard in app.shards.all:
        shard.clock.age = 0.0
    receipt = told(client)
    assert app.operator.take_down(receipt["hash"], and_block=True).blocked
    assert status(client, receipt) == 404
    assert client.post("/upload", data=FLOWER).status_code == 403
    # Only the one that goes away says so from here on, and what it said last counts.
    run(urls["b"], "DELETE FROM blocked; UPDATE operator SET blocked_version = blocked_version + 1")
    with away(urls["a"]):
        assert client.post("/upload", data=FLOWER).status_code == 403
        with pytest.raises(NotEverywhere, match=r"\(a\)"):
            app.operator.switch_uploads(on=False)
    assert client.post("/upload", data=FLOWER).status_code == 503
    more = application(three)
    more.operator.spread()
    assert [value(url, "SELECT count(*) FROM blocked") for url in three.values()] == [1, 1, 1]
    assert [value(url, "SELECT uploads_off_since IS NOT NULL FROM operator") for url in three.values()] == [
        True
    ] * 3
    more.shards.dispose()


def test_a_purge_goes_over_all_that_answer(app: Mayfly, client: FlaskClient, urls: Urls) -> None:
    for name in urls:
        on(client, urls, name)
    for url in urls.values():
        run(url, "UPDATE images SET created_at = now() - interval '2h', expires_at = now() - interval '1h'")
    with away(urls["a"]):
        assert client.get("/cleanup").status_code == 200
        assert not row_keys(urls["b"])
    assert until(lambda: client.get("/cleanup").get_json()["deleted"] > 0)
    assert not row_keys(urls["a"])


def test_readyz_tells_who_is_away_and_how_far_clocks_are_apart(
    app: Mayfly, client: FlaskClient, urls: Urls
) -> None:
    app.readiness.fresh = 0.0
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    assert "differ by 0.0 s" in ready.get_json()["parts"]["clocks"]["message"]
    with away(urls["b"]):
        degraded = client.get("/readyz")
        assert (degraded.status_code, degraded.get_json()["status"]) == (200, "degraded")
        assert (
            "These databases are away: b; their images get 503."
            in degraded.get_json()["parts"]["database"]["message"]
        )
        with away(urls["a"]):
            assert client.get("/readyz").status_code == 503
    run(
        urls["b"],
        "CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS"
        " $$ SELECT pg_catalog.clock_timestamp() + interval '3s' $$",
    )
    run(urls["b"], "ALTER DATABASE shard_b SET search_path = public, pg_catalog")
    app.shards.dispose()
    try:
        assert until(lambda: "differ by 3.0 s" in client.get("/readyz").text)
        assert client.get("/readyz").get_json()["status"] == "degraded"
    finally:
        run(urls["b"], "DROP FUNCTION public.clock_timestamp()")
        run(urls["b"], "ALTER DATABASE shard_b RESET search_path")


def test_each_database_counts_its_own_quota(urls: Urls) -> None:
    """What one refuses for that goes to another: half of the uploads would be refused here."""
    most = 8
    for name, shards, statuses in (
        ("a", {"a": urls["a"]}, [201] * most + [429]),
        ("b", urls, [201] * most + [429]),
    ):
        app = application(shards, max_images_per_client=most)
        client = app.test_client()
        assert [client.post("/upload", data=FLOWER).status_code for _ in statuses] == statuses
        assert len(row_keys(urls[name])) == most
        app.shards.dispose()


def test_a_database_with_an_older_schema_counts_as_away(database_url: str, urls: Urls) -> None:
    with databases(database_url, "d") as more:
        its = schema(more["d"])
        run(more["d"], "UPDATE alembic_version SET version_num = '0006'")
        app = application(urls | more)
        client = app.test_client()
        assert {name_of(deposit(client), urls | more) for _ in range(9)} == {"a", "b"}
        run(more["d"], f"UPDATE alembic_version SET version_num = '{its}'")
        assert until(lambda: name_of(deposit(client), urls | more) == "d")
        app.shards.dispose()


def test_a_server_starts_while_a_database_is_away_and_commands_say_so(urls: Urls) -> None:
    shards = " ".join(f"{name}={url}" for name, url in urls.items())
    settings: dict[str, Any] = {
        "SHARDS": shards,
        "SECRET_KEYS": SERVER_KEY,
        "PURGE_INTERVAL": "off",
        "WORKERS": "1",
    }
    with away(urls["b"]), serving(**settings) as served:
        assert "shard b is away" in served.log
        assert [
            requests.put(f"{served.url}/a.jpg", data=FLOWER, timeout=30).status_code for _ in range(4)
        ] == [201] * 4
        assert requests.get(f"{served.url}/readyz", timeout=30).json()["status"] == "degraded"
        assert "shard b is away" in flask("status", **settings).stdout
        switched = flask("uploads", "off", **settings)
        assert (switched.returncode, "databases are away (b)" in switched.stderr) == (1, True)


def flask(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "flask", *arguments]
    return subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=60
    )
