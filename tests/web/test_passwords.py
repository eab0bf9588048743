"""Passwords: never stored, never in a URL, told apart only to holders of the link, and slow to guess."""

from __future__ import annotations

import io
from base64 import b64encode

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from urllib3 import encode_multipart_formdata
from werkzeug.test import TestResponse

from crypto import Link
from services.living_images import GUESS_PAUSE_SECONDS, GUESSES_AT_ONCE
from tests.cast import deposit
from tests.conftest import MakeApp

SECRET = "correct hörse 🐴"


def basic(password: str, user: str = "") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


@pytest.fixture
def link(client: FlaskClient) -> str:
    return deposit(client, password=SECRET)


def test_it_opens_by_form_field_and_by_basic(client: FlaskClient, link: str, flower: bytes) -> None:
    assert client.post(f"/image/{link}", data={"password": SECRET}).data == flower
    multipart = {"password": SECRET}
    assert client.post(f"/image/{link}", data=multipart, content_type="multipart/form-data").data == flower
    assert client.post(f"/image/{link}", headers=basic(SECRET)).data == flower
    assert client.post(f"/image/{link}", headers=basic(SECRET, "anybody")).data == flower


def test_it_is_set_by_basic_too(client: FlaskClient, flower: bytes) -> None:
    answer = client.put("/cat.jpg", data=flower, headers=basic(SECRET))
    path = "/image/" + answer.text.strip().rpartition("/")[2]
    assert client.post(path).status_code == 401
    assert client.post(path, data={"password": SECRET}).data == flower


def test_without_one_it_asks(client: FlaskClient, link: str) -> None:
    for data in ({}, {"password": ""}):
        answer = client.post(f"/image/{link}", data=data)
        assert (answer.status_code, answer.get_json()["error"]) == (401, "password_asked")
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_a_wrong_one_is_refused(client: FlaskClient, link: str) -> None:
    for wrong in ("not it", SECRET + " ", SECRET.upper()):
        answer = client.post(f"/image/{link}", data={"password": wrong})
        assert (answer.status_code, answer.get_json()["error"]) == (403, "password_wrong")
        assert wrong not in answer.text


def test_looking_does_not_open_it(client: FlaskClient, link: str) -> None:
    for method in (client.get, client.head):
        for headers in ({}, basic(SECRET)):
            assert method(f"/image/{link}", headers=headers).status_code == 405


def test_only_holders_of_the_link_learn_that_there_is_one(client: FlaskClient, link: str) -> None:
    stranger = client.post("/image/" + "x" * 32, data={"password": SECRET})
    assert stranger.status_code == 404


def test_a_wrong_password_costs_no_view(client: FlaskClient, flower: bytes) -> None:
    link = deposit(client, password=SECRET, views=1)
    assert client.post(f"/image/{link}").status_code == 401
    assert client.post(f"/image/{link}", data={"password": "wrong"}).status_code == 403
    answer = client.post(f"/image/{link}", data={"password": SECRET})
    assert (answer.data, answer.headers["Views-Left"]) == (flower, "0")
    assert client.post(f"/image/{link}", data={"password": SECRET}).status_code == 404


def test_attempts_are_limited_over_all_processes(make_app: MakeApp, flower: bytes) -> None:
    one, other = make_app().test_client(), make_app().test_client()
    link, another = deposit(one, password=SECRET), deposit(one, password=SECRET)
    for attempt in range(GUESSES_AT_ONCE):
        client = (one, other)[attempt % 2]
        assert client.post(f"/image/{link}", data={"password": f"guess {attempt}"}).status_code == 403
    for client in (one, other):
        answer = client.post(f"/image/{link}", data={"password": SECRET})
        assert (answer.status_code, answer.get_json()["error"]) == (429, "too_many_guesses")
        assert int(answer.headers["Retry-After"]) == GUESS_PAUSE_SECONDS
    assert one.post(f"/image/{another}", data={"password": SECRET}).data == flower


def test_no_holder_of_a_link_locks_another_out(client: FlaskClient, link: str, flower: bytes) -> None:
    def opened(address: str, password: str) -> TestResponse:
        given = {"password": password}
        return client.post(f"/image/{link}", data=given, environ_base={"REMOTE_ADDR": address})

    for attempt in range(GUESSES_AT_ONCE):
        assert opened("192.0.2.1", f"guess {attempt}").status_code == 403
    assert opened("192.0.2.1", SECRET).status_code == 429
    assert opened("192.0.2.2", SECRET).data == flower
    # One household is one client: who has an IPv6 network has many addresses.
    for attempt in range(GUESSES_AT_ONCE):
        assert opened(f"2001:db8::{attempt}", f"guess {attempt}").status_code == 403
    assert opened("2001:db8::ffff", SECRET).status_code == 429


def test_attempts_are_kept_keyed_and_forgotten_with_their_time(make_app: MakeApp, engine: Engine) -> None:
    client = make_app().test_client()
    link = deposit(client, password=SECRET)
    client.post(f"/image/{link}", data={"password": "wrong"}, environ_base={"REMOTE_ADDR": "192.0.2.1"})
    with engine.begin() as connection:
        (tag,) = connection.execute(text("SELECT tag FROM guesses")).one()
        assert len(tag) == 16
        assert client.get("/cleanup").status_code == 200
        assert connection.execute(text("SELECT count(*) FROM guesses")).scalar_one() == 1
        connection.execute(text("UPDATE guesses SET until = clock_timestamp() - interval '1 second'"))
    client.get("/cleanup")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM guesses")).scalar_one() == 0


def test_after_a_pause_there_is_another_attempt(
    client: FlaskClient, engine: Engine, link: str, flower: bytes
) -> None:
    for attempt in range(GUESSES_AT_ONCE):
        client.post(f"/image/{link}", data={"password": f"guess {attempt}"})
    with engine.begin() as connection:
        seconds = {"pause": GUESS_PAUSE_SECONDS}
        statement = "UPDATE guesses SET until = until - make_interval(secs => :pause)"
        connection.execute(text(statement), seconds)
    assert client.post(f"/image/{link}", data={"password": SECRET}).data == flower


def test_the_right_password_is_never_too_often(client: FlaskClient, link: str) -> None:
    for _ in range(GUESSES_AT_ONCE + 3):
        assert client.post(f"/image/{link}", data={"password": SECRET}).status_code == 200


def test_it_never_stands_in_a_url(client: FlaskClient, link: str, flower: bytes) -> None:
    for answer in (
        client.post("/upload?password=x", data=flower),
        client.put("/a.jpg?password=x", data=flower),
        client.post(f"/image/{link}?password=x"),
    ):
        assert (answer.status_code, answer.get_json()["error"]) == (400, "password_in_url")


@pytest.mark.parametrize("password", ["x" * 1025, "a\0b"])
def test_a_password_that_is_none(client: FlaskClient, flower: bytes, password: str) -> None:
    data = {"file": (io.BytesIO(flower), "a.jpg"), "password": password}
    answer = client.post("/upload", data=data)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_password")


@pytest.mark.parametrize("path", ["/upload", "/images/upload", "/cat.jpg"])
def test_an_empty_one_is_no_open_image(client: FlaskClient, flower: bytes, path: str) -> None:
    """`-F password=$SECRET` and `-u :$SECRET` without a SECRET."""
    method = "PUT" if path == "/cat.jpg" else "POST"
    form, kind = encode_multipart_formdata({"file": ("a.jpg", flower), "password": ""})
    for answer in (
        client.open(path, method=method, data=form, content_type=kind),
        client.open(path, method=method, data=flower, headers=basic("")),
    ):
        assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_password")


def test_a_browser_s_form_sends_an_empty_one_that_nobody_asked_for(
    client: FlaskClient, flower: bytes
) -> None:
    form, kind = encode_multipart_formdata({"file": ("a.jpg", flower), "password": "", "lifetime": ""})
    answer = client.post("/upload", data=form, content_type=kind, headers={"Accept": "text/html"})
    assert answer.status_code == 201


def test_one_password_at_a_time(client: FlaskClient, link: str) -> None:
    answer = client.post(f"/image/{link}", data={"password": "a"}, headers=basic("b"))
    assert answer.get_json()["error"] == "bad_password"


def test_the_database_alone_tells_nothing_of_it(client: FlaskClient, engine: Engine) -> None:
    """Two images, one with a password: their rows differ in nothing that names it."""
    with_one, without = deposit(client, password=SECRET), deposit(client)
    with engine.connect() as connection:
        statement = text("SELECT views_left, store FROM images WHERE row_key = :key")
        rows = [
            connection.execute(statement, {"key": Link.parse(link).row_key}).one()
            for link in (with_one, without)
        ]
    assert rows[0] == rows[1]
