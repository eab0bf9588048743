"""What SIGTERM does: it is announced, what is under way is finished, and behind a proxy a restart loses no request."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

import http_server
from tests.cast import SERVER_KEY, noise
from tests.processes import ROOT, Served, free_port, serving, until
from tests.test_proxies import Proxied, proxying

IMAGE = noise(190, 175)
CLIENTS = 6
PAUSE = 0.2
"""Seconds between an open and the next upload of a client."""
ROUNDS = 1
"""How often each of the two servers is restarted."""


def settings(database_url: str, **others: str) -> dict[str, str]:
    return {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, **others}


def connected(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), 20)


def ask(connection: socket.socket, path: str) -> bytes:
    """Ask over a connection that stays; return the head of the answer, and leave none of its body unread."""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head


def test_the_end_is_announced_before_it_comes(database_url: str) -> None:
    with serving(**settings(database_url, DRAIN_NOTICE="20s")) as served:  # type: ignore[arg-type]
        assert requests.get(f"{served.url}/readyz", timeout=20).ok
        with connected(served) as kept:
            assert b"connection: close" not in ask(kept, "/readyz").lower()
            served.process.send_signal(signal.SIGTERM)
            assert until(lambda: draining(served))
            assert until(lambda: all(draining(served) for _ in range(8))), "every worker says so"
            assert b"connection: close" in ask(kept, "/readyz").lower()
            assert kept.recv(1) == b"", "and it is closed"
        with connected(served) as watching:
            assert b"connection: close" in ask(watching, "/healthz").lower()
        uploaded = requests.post(f"{served.url}/upload", data=IMAGE, timeout=20)
        assert uploaded.status_code == 201, "meanwhile everything is answered"
        assert uploaded.headers["Connection"] == "close"
        assert requests.get(uploaded.json()["image_url"], timeout=20).content == IMAGE
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(60) == 0
        assert time.monotonic() - began < 15, "a second signal ends the notice"
        assert "Killing worker" not in served.log


def draining(served: Served) -> bool:
    answer = requests.get(f"{served.url}/readyz", timeout=20)
    return answer.status_code == 503 and answer.json()["parts"]["draining"]["ok"] is False


@dataclass
class Load:
    """Clients that upload and open through a proxy, and take any failure as one."""

    proxied: Proxied
    over: threading.Event = field(default_factory=threading.Event)
    seen: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Load:
        for number in range(CLIENTS):
            thread = threading.Thread(target=self._go_on, args=(number,))
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(60)

    def _go_on(self, number: int) -> None:
        with requests.Session() as session:
            while not self.over.wait(PAUSE):
                slow = number == 0
                body = in_pieces() if slow else IMAGE
                way = ("PUT", "/cat.png") if number % 2 else ("POST", "/upload")
                sent = self._count(session, *way, body)
                if sent is not None:
                    link = sent.json()["image_url"].removeprefix(self.proxied.url)
                    self._count(session, "GET", link, None)

    def _count(
        self, session: requests.Session, method: str, path: str, body: object
    ) -> requests.Response | None:
        began = time.monotonic()
        try:
            answer = session.request(
                method,
                self.proxied.url + path,
                data=body,  # type: ignore[arg-type]
                headers={"Accept": "application/json"},
                timeout=60,
                verify=self.proxied.certificate,
            )
        except requests.RequestException as error:
            self.seen[f"{method} {type(error).__name__}"] += 1
            return None
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.seen[f"{method} {answer.status_code}"] += 1
        if answer.status_code not in {200, 201}:
            return None
        return answer


def in_pieces() -> Iterator[bytes]:
    """An upload that takes a second and a half."""
    for start in range(0, len(IMAGE), len(IMAGE) // 15 + 1):
        yield IMAGE[start : start + len(IMAGE) // 15 + 1]
        time.sleep(0.1)


def restart(stack: contextlib.ExitStack, server: Served, env: dict[str, str]) -> Served:
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0
    assert "Killing worker" not in server.log
    again = stack.enter_context(serving(port=server.port, **env))  # type: ignore[arg-type]
    assert until(lambda: requests.get(f"{again.url}/readyz", timeout=20).ok)
    time.sleep(1.5)  # until nginx asks it again
    return again


@pytest.mark.timeout(300)
@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_a_rolling_restart_of_two_servers_loses_no_request(proxy: str, database_url: str) -> None:
    env = settings(database_url, TRUSTED_PROXIES="1", DRAIN_NOTICE="4s")
    with contextlib.ExitStack() as stack:
        both = [
            stack.enter_context(serving(port=free_port(), **env))  # type: ignore[arg-type]
            for _ in range(2)
        ]
        proxied = stack.enter_context(proxying(proxy, *(each.port for each in both)))
        with Load(proxied) as load:
            time.sleep(1)
            for _ in range(ROUNDS):
                both = [restart(stack, each, env) for each in both]
        assert set(load.seen) == {"POST 201", "PUT 201", "GET 200"}, load.seen
        assert load.seen.total() > 100


def test_what_came_while_no_worker_had_a_processor_is_answered(database_url: str) -> None:
    """Without notice about a quarter of these are reset: they wait in queues of the kernel when the listeners close."""
    request = b"GET /docs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    with serving(**settings(database_url, DRAIN_NOTICE="3s")) as served, contextlib.ExitStack() as stack:  # type: ignore[arg-type]
        assert until(lambda: served.serving() == 2)
        workers = served.workers()
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        clients = [stack.enter_context(connected(served)) for _ in range(40)]
        for client in clients:
            client.sendall(request)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        for pid in workers:
            os.kill(pid, signal.SIGCONT)
        assert [client.recv(12) for client in clients] == [b"HTTP/1.1 200"] * 40
        assert served.process.wait(60) == 0


def test_at_the_last_call_no_connection_begins_and_those_there_are_answered(database_url: str) -> None:
    with serving(**settings(database_url)) as served, connected(served) as kept:  # type: ignore[arg-type]
        assert b" 200 " in ask(kept, "/docs")
        for pid in served.workers():
            os.kill(pid, http_server.LAST_CALL)
        assert until(lambda: not takes_connections(served.port))
        assert b" 200 " in ask(kept, "/docs")


@pytest.mark.parametrize("user", [os.geteuid(), 65534], ids=["this user", "nobody"])
def test_a_socket_takes_no_more_whoever_runs_the_server(user: int) -> None:
    """Some kernels leave filters of TCP sockets to root."""
    code = f"import os; from front.sockets import take_no_more; os.geteuid() or os.setuid({user}); take_no_more()"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as waiting:
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, pass_fds=[listener.fileno()], check=True)
            assert not takes_connections(port)
            accepted, _ = listener.accept()
            with accepted:
                accepted.sendall(b"here")
                assert waiting.recv(4) == b"here"


def takes_connections(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5):
            return True
    except (TimeoutError, ConnectionRefusedError):
        return False
