"""What the HTTP server refuses by itself is counted by what became of the connection, and logged in few lines."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

import connections
from tests.cast import FLOWER, SERVER_KEY
from tests.metrics_of import Watched, watched
from tests.processes import ROOT, Served, until

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
SENT = {
    "bad_request": (b"secret-word\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)),
    "uri_too_long": (b"GET /" + bytes(70_000).replace(b"\0", b"a") + b" HTTP/1.1\r\n\r\n",),
    "headers_too_large": (GET + b"".join(b"X-%d: a\r\n" % number for number in range(200)) + b"\r\n",),
    "unanswered": (GET, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "silent": (b"",),
}
NO_NETLINK = """
import errno, logging, platform, connections
from imaging.sandbox import jail
from imaging.sandbox.calls import ALLOW, ARGUMENTS_AT, EQUAL, LOAD, NUMBER_AT, RETURN, Line
refuse = Line(RETURN, 0, 0, 0x0005_0000 | errno.EAFNOSUPPORT)
number = Line(EQUAL, 0, 3, {"x86_64": 41, "aarch64": 198}[platform.machine()])
family = Line(EQUAL, 0, 1, 16)
jail.renounce_privileges()
what = Line(LOAD, 0, 0, NUMBER_AT), number, Line(LOAD, 0, 0, ARGUMENTS_AT), family
jail.install([*what, refuse, Line(RETURN, 0, 0, ALLOW)])
logging.basicConfig(level=logging.INFO)
assert connections.watch(1) == {}
"""


@pytest.fixture(scope="module")
def mayfly(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = str(tmp_path_factory.mktemp("connections"))
    settings = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "DATA_DIR": folder}
    with watched(**settings) as found:
        yield found


def connect(server: Served) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", server.port), timeout=30))


def say(server: Served, words: bytes) -> bytes:
    """Send something and no more; return what is answered, as far as it arrives before a reset."""
    pieces = []
    with connect(server) as client, suppress(ConnectionResetError):
        client.sendall(words)
        client.shutdown(socket.SHUT_WR)
        while piece := client.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def counted(mayfly: Watched) -> Counter[str]:
    told = {dict(labels).get("ending", ""): int(number) for (name, labels), number in mayfly.values().items()
            if name == "mayfly_connections_unserved_total"}  # fmt: skip
    assert set(told) == set(connections.ENDINGS)
    return Counter(told)


def test_each_connection_is_counted_once_by_its_ending(mayfly: Watched) -> None:
    before = counted(mayfly)
    answers = {ending: [say(mayfly.server, words) for words in sent] for ending, sent in SENT.items()}
    for status, ending in ((b"400", "bad_request"), (b"431", "headers_too_large")):
        assert all(answer.startswith(b"HTTP/1.1 " + status) for answer in answers[ending])
    due = Counter({ending: len(sent) for ending, sent in SENT.items()})
    assert until(lambda: counted(mayfly) - before == due)
    with requests.Session() as client:
        for _ in range(3):
            requests.post(f"{mayfly.server.url}/upload", data=FLOWER, timeout=60)
            client.get(f"{mayfly.server.url}/docs", timeout=60)
    assert requests.get(mayfly.server.url, headers={"Host": "not a host"}, timeout=60).status_code == 400
    say(mayfly.server, b"")
    due["silent"] += 1
    assert until(lambda: counted(mayfly) - before == due), "what the application answers is not among them"


def test_a_flood_is_counted_to_the_last_and_fills_no_log(mayfly: Watched) -> None:
    before, lines = counted(mayfly), _lines(mayfly.server)
    for _ in range(500):
        say(mayfly.server, SENT["bad_request"][0])
    assert until(lambda: counted(mayfly) - before == {"bad_request": 500})
    fresh = _lines(mayfly.server)[len(lines) :]
    assert len(fresh) <= 4, "one in ten seconds"
    assert "secret-word" not in mayfly.server.log
    assert "127.0.0.1" not in "".join(fresh)


def _lines(server: Served) -> list[str]:
    return re.findall(r".*unserved connections:.*", server.log)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that hides its memory")
def test_a_worker_that_takes_another_s_place_hears_no_reports(mayfly: Watched) -> None:
    before = mayfly.server.workers()
    os.kill(before[0], signal.SIGKILL)
    assert until(lambda: len(now := mayfly.server.workers()) == 2 and now != before)
    assert until(lambda: mayfly.server.serving() == 2)
    assert _listeners(mayfly.server.process.pid) == 1
    for worker in mayfly.server.workers():
        assert _listeners(worker) == 0


def _listeners(pid: int) -> int:
    """How many sockets of a process listen to SOCK_DIAG."""
    rows = [row.split() for row in Path("/proc/net/netlink").read_text().splitlines()[1:]]
    listening = {f"socket:[{row[9]}]" for row in rows if row[1] == str(connections.SOCK_DIAG)}
    return sum(str(path.readlink()) in listening for path in Path(f"/proc/{pid}/fd").iterdir())


def test_only_connections_of_the_port_are_counted_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "mayfly")
    ours, other = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    address = ours.getsockname()
    counts = connections.watch(address[1])
    for server in (other, other, ours):
        with closing(socket.create_connection(server.getsockname())) as client:
            client.sendall(b"G")
            server.accept()[0].close()
    for server in (ours, other):
        server.close()  # itself it is no connection
    with socket.create_server(address) as ours, closing(socket.create_connection(address)):
        ours.accept()[0].close()
    assert until(lambda: counts["silent"] >= 1)
    assert (counts["unanswered"], counts["silent"]) == (1, 1)
    assert [record.getMessage() for record in caplog.records] == ["unserved connections: 1 unanswered"]
    assert caplog.records[0].args == {"unanswered": 1}


def test_where_the_kernel_tells_nothing_the_server_starts_without_the_counts() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", NO_NETLINK], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "")
    assert "unserved connections are not counted: Address family not supported" in ran.stderr
