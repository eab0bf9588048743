"""Limited views: only a deliberate POST opens, and never more often than asked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from crypto import Link
from models import claim_view
from tests.cast import deposit
from tests.conftest import MakeApp

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_each_view_counts_and_the_last_one_ends_it(client: FlaskClient, flower: bytes) -> None:
    link = deposit(client, views=3)
    for left in (2, 1, 0):
        answer = client.post(f"/image/{link}")
        assert (answer.status_code, answer.headers["Views-Left"]) == (200, str(left))
        assert answer.data == flower
    for method in (client.post, client.get, client.head):
        assert method(f"/image/{link}").status_code == 404


def test_looking_never_counts(client: FlaskClient) -> None:
    link = deposit(client, views=1)
    for method in (client.get, client.head):
        for _ in range(3):
            answer = method(f"/image/{link}")
            assert answer.status_code == 405
            assert answer.headers["Allow"] == "POST"
    told = client.get(f"/image/{link}").get_json()
    assert told["error"] == "open_by_post"
    assert f"curl -X POST -o image http://localhost/image/{link}" in told["message"]
    assert client.post(f"/image/{link}").status_code == 200


def test_a_browser_is_sent_to_the_share_page(client: FlaskClient) -> None:
    link = deposit(client, views=1)
    answer = client.get(f"/image/{link}", headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/s#{link}")


def test_the_upload_answer_tells_the_views(client: FlaskClient, flower: bytes) -> None:
    assert client.post("/upload?views=100", data=flower).get_json()["views_left"] == 100


def test_post_opens_an_image_without_a_limit_as_often_as_get(client: FlaskClient, flower: bytes) -> None:
    link = deposit(client)
    for _ in range(2):
        answer = client.post(f"/image/{link}")
        assert answer.data == flower
        assert "Views-Left" not in answer.headers


@pytest.mark.parametrize("views", ["0", "101", "-1", "one", "1.0", "", "٣", "1e1"])
def test_views_that_are_none(client: FlaskClient, flower: bytes, views: str) -> None:
    answer = client.post("/upload", data=flower, query_string={"views": views})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_views")


def test_a_used_up_row_is_dead_even_if_nobody_removed_it(client: FlaskClient, engine: Engine) -> None:
    link = deposit(client, views=2)
    with engine.begin() as connection:
        connection.execute(text("UPDATE images SET views_left = 0"))
    assert client.post(f"/image/{link}").status_code == 404
    assert client.get(f"/image/{link}").status_code == 404


def test_no_view_can_be_claimed_of_a_used_up_row(client: FlaskClient, engine: Engine) -> None:
    """Two requests may both have found the row alive; what counts is the claim."""
    row_key = Link.parse(deposit(client, views=1)).row_key
    with engine.begin() as connection:
        assert claim_view(connection, row_key, b"") == 0
        assert claim_view(connection, row_key, b"") is None


def test_an_altered_image_gives_nothing(client: FlaskClient, engine: Engine) -> None:
    link = deposit(client, views=2)
    with engine.begin() as connection:
        key = {"key": Link.parse(link).row_key}
        connection.execute(text("UPDATE images SET details = substr(details, 2) WHERE row_key = :key"), key)
    assert client.post(f"/image/{link}").status_code == 404


@pytest.mark.parametrize("views", [1, 3])
def test_n_of_many_threads_win(make_app: MakeApp, flower: bytes, views: int) -> None:
    app = make_app(threads=16)
    link = deposit(app.test_client(), views=views)
    start = threading.Barrier(16)

    def race() -> tuple[int, bytes]:
        client = app.test_client()
        start.wait()
        answer = client.post(f"/image/{link}")
        return answer.status_code, answer.data

    with ThreadPoolExecutor(16) as pool:
        answers = [future.result() for future in [pool.submit(race) for _ in range(16)]]
    won = [data for status, data in answers if status == 200]
    assert won == [flower] * views
    assert sum(status == 404 for status, _ in answers) == 16 - views


def test_unknown_fields_of_an_opening_are_refused(client: FlaskClient) -> None:
    link = deposit(client, views=1)
    assert client.post(f"/image/{link}", data={"pasword": "x"}).get_json()["error"] == "unknown_option"
    assert client.post(f"/image/{link}?view=1").get_json()["error"] == "unknown_option"
    assert client.post(f"/image/{link}").status_code == 200


@pytest.mark.parametrize(
    "told", ["Down by the sea, at 50 %", "Blüte\nam\tSee", "雨" * 100, " x ", "\r\nSet-Cookie: a=b"]
)
def test_whoever_opens_an_image_reads_its_description(client: FlaskClient, told: str) -> None:
    link = deposit(client, views=2, description=told)
    assert "Image-Description" not in client.post("/s", data={"link": link}).headers
    written = client.post(f"/image/{link}").headers["Image-Description"]
    assert written.isascii()
    assert written.isprintable()
    assert unquote(written, errors="strict") == told


@pytest.mark.parametrize(("letter", "kept"), [("a", 2000), ("ж", 333), ("😀", 166)])
def test_a_long_description_is_cut_to_what_proxies_let_through(
    client: FlaskClient, letter: str, kept: int
) -> None:
    link = deposit(client, description=letter * 4000)
    assert unquote(client.get(f"/image/{link}").headers["Image-Description"]) == letter * kept + "…"
    assert "Image-Description" not in client.get(f"/image/{deposit(client)}").headers
