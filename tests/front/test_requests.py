"""What granian's other interface and the front make of a request, and what a client sees of a refusal."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest
import requests
from sqlalchemy import create_engine, text

from tests.cast import SERVER_KEY, noise
from tests.front.clients import answer_of, connected, open_for_now, upload_head
from tests.processes import Served, serving

ONE_MB = noise(600, 550)
TOO_MUCH = bytes(30 * 2**20)


def exchange(server: Served, *heads: str) -> list[tuple[int, bytes]]:
    """Send requests over one connection, each after the answer to the one before."""
    client = connected(server)
    with open_for_now([client]):
        answers = []
        for head in heads:
            client.sendall(head.encode("latin-1"))
            answers.append(answer_of(client))
        return answers


def test_healthz_has_the_headers_of_every_answer_and_head_has_no_body(server: Served) -> None:
    got, head = (requests.request(method, f"{server.url}/healthz", timeout=20) for method in ("GET", "HEAD"))
    other = requests.get(f"{server.url}/no-such-page", timeout=20)
    assert (got.json(), head.content) == ({"status": "ok"}, b"")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == "16"
    assert {*head.headers} == {*got.headers}
    assert {*other.headers} - {*got.headers} == {"allow", "cache-control"}


def test_healthz_is_answered_while_every_thread_waits(server: Served, database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE images IN ACCESS EXCLUSIVE MODE"))
        waiting = [
            connected(server, f"GET /image/{'a' * 32} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            for _ in range(40)
        ]
        with open_for_now(waiting):
            time.sleep(0.5)
            began = time.monotonic()
            for _ in range(10):
                assert requests.get(f"{server.url}/healthz", timeout=20).ok
            assert time.monotonic() - began < 5
            connection.rollback()
            assert [answer_of(client)[0] for client in waiting] == [404] * 40
    engine.dispose()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/caf%C3%A9.png", "café.png"),
        ("/caf%E9.png", "caf\ufffd.png"),
        ("/a%20b%2Fc.png", "c.png"),
        ("/a+b.png", "a+b.png"),
        ("//twice.png", "twice.png"),
    ],
)
def test_a_path_reaches_the_application_decoded(server: Served, path: str, told: str) -> None:
    head = f"PUT {path} HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\n"
    picture = noise(20, 20)
    with open_for_now([client := connected(server)]):
        client.sendall(f"{head}Content-Length: {len(picture)}\r\n\r\n".encode() + picture)
        status, body = answer_of(client)
    if status == 201:
        assert json.loads(body)["filename"] == told
    else:
        assert status == 400, body  # a name that is refused as it stands


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Host: a\r\n", 200),
        ("Host: a\r\nX-A: 1\r\nX-A: 2\r\n", 200),
        ("Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400),
        ("Host: a\r\nContent-Length: +1\r\n", 400),
        ("Host: a\r\nTransfer-Encoding: chunked, gzip\r\n", 400),
        ("Host: a\r\nX-A : 1\r\n", 400),
        ("Host: a\r\nX-A: 1\0\r\n", 400),
        (f"Host: a\r\nAccept: {'x' * 17_000}\r\n", 431),
        (f"Host: a\r\nAccept: {'x' * 317_000}\r\n", 431),
    ],
)
def test_header_fields(server: Served, fields: str, status: int) -> None:
    with open_for_now([client := connected(server)]):
        client.sendall(f"GET / HTTP/1.1\r\n{fields}\r\n".encode())
        assert answer_of(client)[0] == status


def test_a_field_with_an_underscore_is_not_taken_for_another(database_url: str) -> None:
    with serving(
        DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, TRUSTED_PROXIES="1", WORKERS="1"
    ) as proxied:
        fields = "Host: a\r\nX-Forwarded-Host: proxy.internal\r\nX_Forwarded_Host: evil.internal\r\n"
        ((_, body),) = exchange(proxied, f"GET / HTTP/1.1\r\n{fields}\r\n")
        assert b"proxy.internal" in body
        assert b"evil.internal" not in body


def test_a_field_that_is_not_ascii_is_not_a_missing_one(server: Served) -> None:
    ((status, body),) = exchange(server, "GET /api/me HTTP/1.1\r\nHost: a\r\nAuthorization: \xe9\r\n\r\n")
    assert (status, json.loads(body)["error"]) == (401, "token_refused")


def test_a_connection_goes_on_after_every_kind_of_refusal(server: Served) -> None:
    bad = "x" * 400_000
    answers = exchange(
        server,
        "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n",
        f"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{bad[:9]}",
        f"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: {len(bad)}\r\n\r\n{bad}",
        "POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        f"GET / HTTP/1.1\r\nHost: a\r\nAccept: {'x' * 17_000}\r\n\r\n",
        f"POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: {len(bad)}\r\n\r\n{bad}",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    )
    assert [status for status, _ in answers] == [405, 415, 415, 415, 431, 404, 200]


def test_requests_that_are_sent_ahead_are_answered_in_their_order(server: Served) -> None:
    heads = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" * 5
    with open_for_now([client := connected(server, heads.encode())]), client.makefile("rb") as stream:
        seen = [line.split()[1] for line in iter(stream.readline, b"") if line.startswith(b"HTTP/1.1")][:10]
    assert seen == [b"200", b"405"] * 5


def test_curl_and_requests_see_that_an_upload_is_too_large(server: Served) -> None:
    """A client that has begun to send sees the answer, and not a broken pipe."""
    curl = shutil.which("curl")
    assert curl is not None
    command = [curl, "-sS", "-T", "-", "-H", "Expect:", "-w", "%{http_code}", f"{server.url}/a.png"]
    for chunked in ([], ["-H", "Transfer-Encoding:", "-H", f"Content-Length: {len(TOO_MUCH)}"]):
        seen = subprocess.run([*command, *chunked], input=TOO_MUCH, capture_output=True, check=True)
        assert seen.stdout.endswith(b"413"), seen
    answer = requests.post(f"{server.url}/upload", data=TOO_MUCH, timeout=60)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    with open_for_now([client := connected(server, upload_head(len(TOO_MUCH)) + TOO_MUCH)]):
        assert answer_of(client)[0] == 413, "one that reads nothing before it has sent all"


def test_a_client_waits_for_100_continue(server: Served) -> None:
    expects = "Expect: 100-continue\r\n"
    with open_for_now([client := connected(server, upload_head(len(ONE_MB), more=expects))]):
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.sendall(ONE_MB)
        assert answer_of(client)[0] == 201
    with open_for_now([client := connected(server, upload_head(len(TOO_MUCH), more=expects))]):
        assert answer_of(client)[0] == 413
