"""The log of a served Mayfly: one form, one line a request, and no word of what a client sent."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text

from tests.cast import SERVER_KEY, noise
from tests.processes import Served, serving, until

IMAGE = noise(60, 50)
CLIENT = "198.51.100.7"
HEX = re.compile("[0-9a-f]{32}")
UUID = "0b54ab2e-7a5c-4d5f-9c6a-1f0b7f0e9d11"


@pytest.fixture(scope="module")
def told(database_url: str) -> Iterator[Served]:
    """A server that writes JSON, behind a proxy."""
    with serving(
        DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, LOG_FORMAT="json", TRUSTED_PROXIES="1"
    ) as served:
        yield served


def lines(served: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in served.log.splitlines()]


def line_of(served: Served, answer: requests.Response) -> dict[str, Any]:
    """The line of a request, found by the id in its answer."""
    name = answer.headers["X-Request-Id"]
    assert until(lambda: name in served.log)
    (found,) = [
        line for line in lines(served) if line["logger"] == "mayfly.access" and line.get("request_id") == name
    ]
    return found


def test_every_line_is_an_object_of_json_and_a_request_has_its_figures(told: Served) -> None:
    sent = requests.post(f"{told.url}/upload", data=IMAGE, timeout=20)
    opened = requests.get(sent.json()["image_url"], timeout=20)
    pieces = (IMAGE[start : start + 1000] for start in range(0, len(IMAGE), 1000))
    in_chunks = requests.post(f"{told.url}/upload", data=pieces, timeout=20)
    asked = requests.head(sent.json()["image_url"], timeout=20)
    upload, open_, chunked, head = (line_of(told, each) for each in (sent, opened, in_chunks, asked))
    assert (upload["method"], upload["route"], upload["status"]) == ("POST", "/upload", 201)
    assert (upload["bytes_in"], upload["bytes_out"]) == (len(IMAGE), len(sent.content))
    assert (open_["route"], open_["bytes_in"], open_["bytes_out"]) == (
        "/image/<first:name>",
        0,
        len(IMAGE),
    )
    assert chunked["bytes_in"] == len(IMAGE)
    assert (head["method"], head["bytes_out"]) == ("HEAD", 0)
    assert 0 < open_["milliseconds"] < 60_000
    assert open_["time"].endswith("+00:00")
    loggers = {line["logger"] for line in lines(told)}
    assert {"mayfly", "mayfly.access"} <= loggers


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("a" * 32, True),
        (UUID, True),
        ("0" * 15, False),
        ("0" * 65, False),
        ("AbCdEfGhIjKlMnOpQrStUvWxYz012345", False),
        ("b" * 31 + "_", False),
        ("a" * 32 + ", " + "b" * 32, False),
        ("", False),
    ],
)
def test_a_proxy_s_request_id_is_taken_where_it_is_one(told: Served, sent: str, taken: bool) -> None:
    answer = requests.get(f"{told.url}/docs", headers={"X-Request-Id": sent}, timeout=20)
    name = answer.headers["X-Request-Id"]
    assert (name == sent) is taken
    assert taken or HEX.fullmatch(name)
    assert line_of(told, answer)["route"] == "/docs"


def test_without_a_proxy_a_client_names_no_request(server: Served) -> None:
    answers = [
        requests.get(f"{server.url}/docs", headers={"X-Request-Id": "a" * 32}, timeout=20) for _ in range(2)
    ]
    names = {answer.headers["X-Request-Id"] for answer in answers}
    assert len(names) == 2
    assert all(HEX.fullmatch(name) and name != "a" * 32 for name in names)
    assert until(lambda: all(f"[{name}] GET /docs 200" in server.log for name in names))


def test_an_error_of_a_request_has_its_id_and_one_line(told: Served, database_url: str) -> None:
    engine = create_engine(database_url)
    never = "CONSTRAINT never CHECK (created_at < '1970-01-01')"
    with engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE images ADD {never} NOT VALID"))
    try:
        answer = requests.post(f"{told.url}/upload?filename=hush-name.png", data=IMAGE, timeout=20)
    finally:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE images DROP CONSTRAINT never"))
        engine.dispose()
    assert answer.status_code == 500
    access = line_of(told, answer)
    assert (access["status"], access["route"]) == (500, "/upload")
    errors = [line for line in lines(told) if line["level"] == "error"]
    assert [line["request_id"] for line in errors] == [answer.headers["X-Request-Id"]]
    assert "File " in errors[0]["message"]
    assert "hush" not in told.log


def test_a_refusal_before_the_body_and_one_of_the_header_are_logged(told: Served) -> None:
    large = requests.post(f"{told.url}/upload", headers={"Content-Length": "999999999"}, timeout=20)
    header = requests.get(f"{told.url}/", headers={"X-Long": "x" * 9000}, timeout=20)
    assert (line_of(told, large)["status"], line_of(told, large)["bytes_in"]) == (413, 0)
    assert line_of(told, header)["status"] == 431


def ask_from(served: Served, address: str) -> None:
    """Ask over a connection from an address, in the name of CLIENT."""
    with socket.create_connection(("127.0.0.1", served.port), 20, (address, 0)) as connection:
        head = (
            f"GET /docs HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: {CLIENT}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(head.encode())
        while connection.recv(65536):
            pass


def test_no_address_is_in_the_log_unless_it_is_asked_for(told: Served, database_url: str) -> None:
    ask_from(told, "127.0.0.9")
    with serving(
        DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, TRUSTED_PROXIES="1", LOG_ADDRESSES="true"
    ) as served:
        ask_from(served, "127.0.0.9")
        assert until(lambda: f"from={CLIENT}" in served.log)
    assert until(lambda: any(line.get("route") == "/docs" for line in lines(told)))
    for address in (CLIENT, "127.0.0.9"):
        assert address not in told.log


def test_the_level_says_what_is_logged(database_url: str) -> None:
    with contextlib.ExitStack() as stack:
        quiet, loud = (
            stack.enter_context(serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, LOG_LEVEL=level))
            for level in ("warning", "debug")
        )
        for served in (quiet, loud):
            assert requests.get(f"{served.url}/docs", timeout=20).ok
            assert "X-Request-Id" not in requests.get(f"{served.url}/healthz", timeout=20).headers
        assert until(
            lambda: "GET /docs 200" in loud.log and "DEBUG mayfly.access GET /healthz 200" in loud.log
        )
        assert quiet.log == ""
