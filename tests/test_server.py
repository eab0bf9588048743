"""Mayfly as ``python app.py`` serves it: real processes, real sockets, real signals."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

import embedded
from config import Config
from tests.cast import SERVER_KEY, noise
from tests.clusters import Fill
from tests.databases import MIGRATED, empty_database, run, value
from tests.processes import ROOT, Served, alive, free_port, serving, until, write_no_file

ONE_MB = noise(600, 550)


@pytest.fixture(scope="module")
def twenty_mb() -> bytes:
    return noise(2600, 2550)


def count(database_url: str) -> int:
    return int(value(database_url, "SELECT count(*) FROM images"))


@pytest.mark.parametrize("size", ["1 MB", "20 MB"])
@pytest.mark.parametrize("way", ["multipart", "raw", "PUT", "chunked"])
def test_an_upload_goes_through_a_server_that_can_write_no_file(
    server: Served, twenty_mb: bytes, size: str, way: str
) -> None:
    """The plaintext stays in memory from socket to seal: a parser that spools would fail here."""
    image = twenty_mb if size == "20 MB" else ONE_MB
    if way == "multipart":
        answer = requests.post(f"{server.url}/upload", files={"file": ("noise.png", image)}, timeout=60)
    elif way == "raw":
        answer = requests.post(f"{server.url}/upload", data=image, timeout=60)
    elif way == "PUT":
        headers = {"Accept": "application/json"}
        answer = requests.put(f"{server.url}/noise.png", data=image, headers=headers, timeout=60)
    else:
        pieces = (image[start : start + 100_000] for start in range(0, len(image), 100_000))
        answer = requests.post(f"{server.url}/upload", data=pieces, timeout=60)
    assert answer.status_code == 201, answer.text
    assert requests.get(answer.json()["image_url"], timeout=60).content == image


def test_that_server_really_can_t_write() -> None:
    """The test above would notice: the same limit stops a temporary file."""
    script = "import tempfile; f = tempfile.TemporaryFile(); f.write(b'x' * 600_000); f.flush()"
    stopped = subprocess.run(
        [sys.executable, "-c", script], preexec_fn=write_no_file, capture_output=True, check=False
    )
    assert stopped.returncode == 1


def talk(server: Served, *pieces: bytes, close: bool = True) -> bytes:
    """Send pieces over a bare socket, end the sending side, and return the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.1)
        if close:
            with contextlib.suppress(OSError):  # the other side may have closed at once
                client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
            if not close and b"\r\n\r\n" in answer:
                break
    return answer


HEAD = b"POST /upload HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
FORM = b"Content-Type: multipart/form-data; boundary=b\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        (HEAD + b"Content-Length: 100000\r\n\r\n", ONE_MB[:5000]),
        (HEAD + FORM + b"Content-Length: 100000\r\n\r\n", PART + ONE_MB[:5000]),
        (HEAD + b"Content-Length: %d\r\n\r\n" % (len(ONE_MB) + 9), ONE_MB),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1388\r\n" + ONE_MB[:5000] + b"\r\n"),
        (HEAD + FORM + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + PART + ONE_MB[:100]),
    ],
    ids=["raw", "multipart", "whole image", "chunked", "chunked multipart"],
)
def test_a_body_that_stops_half_way_leaves_no_row(
    server: Served, database_url: str, pieces: tuple[bytes, ...]
) -> None:
    before = count(database_url)
    status = int(talk(server, *pieces).split()[1])
    assert 400 <= status < 500
    with socket.create_connection(("127.0.0.1", server.port)) as client:  # and one that just vanishes
        for piece in pieces:
            client.sendall(piece)
    time.sleep(0.3)
    assert count(database_url) == before
    assert requests.get(f"{server.url}/healthz", timeout=5).ok


def test_too_large_is_said_before_the_body_is_read(server: Served) -> None:
    head = HEAD + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n"
    answer = talk(server, head, close=False)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"100 Continue" not in answer


def test_too_large_without_a_length_is_noticed_on_the_way(server: Served, database_url: str) -> None:
    before = count(database_url)
    pieces = (bytes(100_000) for _ in range(250))
    with contextlib.suppress(requests.ConnectionError):  # it may answer and close while we are still sending
        assert requests.post(f"{server.url}/upload", data=pieces, timeout=60).status_code == 413
    assert count(database_url) == before
    assert requests.get(f"{server.url}/healthz", timeout=5).ok


@pytest.mark.parametrize("host", ["a b", "a\x00b", "evil/path", "<script>", "a\tb", ""])
def test_a_strange_host_is_a_client_s_error(server: Served, host: str) -> None:
    answer = talk(server, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.split()[1] in {b"200", b"400"}
    assert b"<script>" not in answer


def test_no_secret_reaches_the_log(server: Served) -> None:
    data = {"description": "hush-description"}
    files = {"file": ("hush-name.png", ONE_MB)}
    told = requests.post(
        f"{server.url}/upload?metadata=%7B%22hush%22%3A1%7D", files=files, data=data, timeout=20
    ).json()
    for path in (
        f"/image/{told['hash']}",
        f"/image/{told['image_key']}",
        f"/image/{told['hash']}/x",
        f"/x{told['hash']}",
    ):
        for method in ("GET", "HEAD", "POST", "DELETE"):
            requests.request(method, server.url + path, timeout=20)
    requests.post(f"{server.url}/upload?{told['hash']}=1", data=b"x", timeout=20)
    for word in (told["hash"], "hush-method", "get"):
        talk(server, f"{word} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert "OTHER None 405" in server.log
    assert "GET /image/<first:name> 200" in server.log
    for secret in (told["hash"], told["image_key"], "hush", SERVER_KEY):
        assert secret not in server.log


def test_ctrl_c_ends_everything_and_the_next_start_still_has_the_images(tmp_path: Path) -> None:
    with serving(DATA_DIR=str(tmp_path)) as served:
        family = served.family()
        assert len(family) > 3, "two workers and the embedded PostgreSQL"
        link = requests.post(f"{served.url}/upload", data=ONE_MB, timeout=20).json()["hash"]
        assert served.stop(signal.SIGINT) == 0
        assert until(lambda: not any(map(alive, family)))
        assert "Traceback" not in served.log
    with serving(DATA_DIR=str(tmp_path)) as served:
        assert requests.get(f"{served.url}/image/{link}", timeout=20).content == ONE_MB
        family = served.family()
        served.stop(signal.SIGKILL)
        assert until(lambda: not any(map(alive, family))), "killed: workers and database end by themselves"
    with serving(DATA_DIR=str(tmp_path)) as served:
        assert requests.get(f"{served.url}/image/{link}", timeout=20).content == ONE_MB
        assert served.stop(signal.SIGTERM) == 0


def test_an_idle_server_purges_also_when_its_first_worker_was_replaced(database_url: str) -> None:
    with (
        empty_database(database_url, "idle", MIGRATED) as url,
        serving(DATABASE_URL=url, SECRET_KEYS=SERVER_KEY, WORKERS="2", PURGE_INTERVAL="1s") as served,
    ):
        assert requests.put(f"{served.url}/a.png", data=noise(9, 9), timeout=20).status_code == 201
        first = served.workers()[0]
        os.kill(first, signal.SIGKILL)
        assert until(lambda: first not in served.workers() and served.serving() == 2)
        run(url, "UPDATE images SET expires_at = now(), created_at = now() - interval '9s'")
        assert until(lambda: count(url) == 0)


def test_ctrl_c_in_a_terminal_reaches_the_main_process_alone(server: Served) -> None:
    """A terminal signals a whole group, and a worker that ends by itself is waited for in vain."""
    assert os.getpgid(server.process.pid) == server.process.pid
    assert until(
        lambda: len(server.workers()) == 2 and all(os.getpgid(pid) == pid for pid in server.workers())
    )


def test_a_port_in_use_is_told_in_one_sentence(server: Served) -> None:
    env = {**os.environ, "BIND": f"127.0.0.1:{server.port}"}
    second = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "BIND" in second.stderr


def test_a_bad_setting_is_told_in_one_sentence() -> None:
    for setting in ({"LIFETIME": "five"}, {"SECRET_KEYS": "hunter2"}, {"SECRET_KEYS": SERVER_KEY}):
        run = [sys.executable, "app.py"]
        env = {
            **os.environ,
            "DATABASE_URL": "postgresql://me:hunter2@127.0.0.1:1/x",
            "BIND": f"127.0.0.1:{free_port()}",
        }
        env |= setting
        stopped = subprocess.run(run, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        assert stopped.returncode == 1
        assert stopped.stderr.startswith("mayfly: ")
        assert stopped.stderr.count("\n") == 1
        assert "hunter2" not in stopped.stderr


def test_a_secret_that_others_may_read_is_told_at_the_start(tmp_path: Path, database_url: str) -> None:
    keys, url = tmp_path / "keys", tmp_path / "url"
    keys.write_text(SERVER_KEY)
    url.write_text(database_url)
    for mode, told in ((0o644, True), (0o640, False)):
        for file in (keys, url):
            file.chmod(mode)
        with serving(
            DATABASE_URL_FILE=str(url), SECRET_KEYS_FILE=str(keys), DATA_DIR=str(tmp_path)
        ) as served:
            for file in (keys, url):
                assert served.log.count(f"the secrets in {file} (mode 644)") == told
            assert SERVER_KEY not in served.log


def test_a_data_folder_that_can_t_be_written_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    env = {
        **os.environ,
        "DATABASE_URL": "postgresql://127.0.0.1:1/x",
        "BIND": f"127.0.0.1:{free_port()}",
        "DATA_DIR": str(tmp_path / "file" / "data"),
    }
    stopped = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert stopped.returncode == 1
    assert stopped.stderr.count("\n") == 1
    assert "DATA_DIR" in stopped.stderr


def test_a_database_that_goes_away_is_a_503_and_comes_back_without_a_restart(
    fill: Fill, tmp_path: Path
) -> None:
    outside = embedded.running(fill(tmp_path), durable=False)
    url = outside.__enter__()
    with serving(DATABASE_URL=url, SECRET_KEYS=SERVER_KEY) as served:
        link = requests.post(f"{served.url}/upload", data=ONE_MB, timeout=20).json()["hash"]
        outside.__exit__(None, None, None)
        for _ in range(6):
            for answer in (
                requests.get(f"{served.url}/image/{link}", timeout=20),
                requests.post(f"{served.url}/upload", data=ONE_MB, timeout=20),
                requests.get(f"{served.url}/cleanup", timeout=20),
            ):
                assert answer.status_code == 503
                assert answer.json()["error"] == "database_away"
                assert int(answer.headers["Retry-After"]) > 0
        assert requests.get(f"{served.url}/healthz", timeout=20).ok
        with embedded.running(tmp_path, durable=False):
            assert until(lambda: requests.get(f"{served.url}/image/{link}", timeout=20).ok, 30)
            assert until(lambda: requests.post(f"{served.url}/upload", data=ONE_MB, timeout=20).ok, 30)
            served.stop()


def test_a_start_with_our_own_defaults_warns_of_nothing(database_url: str) -> None:
    workers = str(Config().workers)
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, WORKERS=workers) as served:
        assert until(lambda: served.serving() == int(workers))
        assert f"serving on {served.url}\n" in served.log
        assert "WARNING" not in served.log


def test_debug_reloads_with_one_worker(tmp_path: Path, database_url: str) -> None:
    with serving("--debug", DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY) as served:
        assert served.log.count("Spawning worker") == 1
        assert "Traceback" not in served.log
