"""Mayfly ends within moments at whatever signal, whenever it comes and to whichever of its processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from config import Config
from tests.cast import SERVER_KEY, noise
from tests.processes import ROOT, Served, alive, children_of, free_port, serving, until

ONE_MB = noise(600, 550)
BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


def ends_in_order(process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for an end that needed no force: force is what takes DRAIN."""
    assert process.wait(60) == 0, log.read_text()
    said = log.read_text()
    assert "Killing worker" not in said
    assert "Traceback" not in said


@BOTH
@pytest.mark.parametrize("milliseconds", range(0, 2400, 800))
def test_a_signal_to_the_group_at_any_moment_of_a_start(
    number: signal.Signals, milliseconds: int, tmp_path: Path, database_url: str
) -> None:
    env = {
        **os.environ,
        "BIND": f"127.0.0.1:{free_port()}",
        "WORKERS": "2",
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
    }
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=env,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    assert until(lambda: ready_for_signals(process.pid))
    time.sleep(milliseconds / 1000)
    os.killpg(process.pid, number)
    ends_in_order(process, log)


def ready_for_signals(pid: int) -> bool:
    """Whether it has a handler for SIGTERM; until then it is Python that starts, and ends at once."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def test_a_signal_while_its_own_database_starts_leaves_none_behind(tmp_path: Path) -> None:
    env = {**os.environ, "BIND": f"127.0.0.1:{free_port()}", "DATA_DIR": str(tmp_path / "data")}
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True
        )
    pid_file = tmp_path / "data" / "postgres" / "postmaster.pid"
    assert until(pid_file.exists, 60), log.read_text()
    postgres = int(pid_file.read_text().split()[0])
    process.send_signal(signal.SIGTERM)
    ends_in_order(process, log)
    assert until(lambda: not alive(postgres))
    assert not pid_file.exists(), "it was stopped in order"


def test_a_start_whose_application_is_killed_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    """The kernel may do that where memory is short: the process that loads the application is the largest by then."""
    env = {**os.environ, "BIND": f"127.0.0.1:{free_port()}", "DATA_DIR": str(tmp_path / "data")}
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True
        )
    assert until(lambda: len(children_of(process.pid)) > 0), log.read_text()
    os.kill(children_of(process.pid)[0], signal.SIGKILL)
    assert process.wait(60) == 1
    assert "mayfly: the start was interrupted (status -9); start again\n" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists(), "it was stopped in order"


@BOTH
def test_a_signal_under_load_and_a_second_one(number: signal.Signals, database_url: str) -> None:
    """An upload that is under way is finished, and a second signal cuts nothing off."""
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY) as served:
        uploads = [Upload(served) for _ in range(8)]
        os.killpg(served.process.pid, number)
        time.sleep(0.3)
        os.killpg(served.process.pid, number)
        for upload in uploads:
            upload.rest.set()
        assert [upload.status() for upload in uploads] == [201] * 8
        assert served.process.wait(Config().drain + 30) == 0
        assert "Killing worker" not in served.log


@BOTH
def test_a_worker_that_is_ended_is_replaced(number: signal.Signals, database_url: str) -> None:
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY) as served:
        assert until(lambda: served.serving() == 2)
        first, second = served.workers()
        os.kill(first, number)
        assert until(lambda: len(served.workers()) == 2 and first not in served.workers(), 30)
        assert second in served.workers()
        answered = requests.post(f"{served.url}/upload", data=ONE_MB, timeout=20)
        assert answered.status_code == 201


def test_a_worker_that_hears_of_its_end_again_and_again_ends(database_url: str) -> None:
    """It may hear of it from the main process, from who signals all processes, and from the kernel, which does so for
    several threads of a killed main process."""
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY) as served:
        assert until(lambda: served.serving() == 2)
        workers = served.workers()
        uploads = [Upload(served) for _ in range(8)]
        for number in (signal.SIGTERM, signal.SIGINT) * 5:
            for worker in filter(alive, workers):
                os.kill(worker, number)
            time.sleep(0.02)
        for upload in uploads:
            upload.rest.set()
        assert [upload.status() for upload in uploads] == [201] * 8
        assert until(lambda: not any(map(alive, workers)))


FORK = """
import os, signal, sys, time
import http_server
signal.signal(signal.SIGTERM, lambda *_: None)  # the HTTP server's main process takes note, and goes on
os.register_at_fork(after_in_child=lambda: time.sleep(1))  # a child that gets no processor yet
http_server.prepare_forks()
worker = os.fork()
if worker == 0:
    time.sleep(30)
    os._exit(1)
assert not signal.pthread_sigmask(signal.SIG_BLOCK, []), "the main process hears signals again"
os.kill(worker, signal.SIGTERM)
print(os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]))
"""


def test_a_worker_is_ended_before_it_has_run_at_all() -> None:
    """One that replaces another may get SIGTERM in the moment of its fork; lost, it costs DRAIN."""
    forked = subprocess.run(
        [sys.executable, "-c", FORK], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert int(forked.stdout) == -signal.SIGTERM


EARLY = """
import os, signal, uvloop
import http_server
loop = http_server.make_loop(uvloop)
loop.add_signal_handler(signal.SIGTERM, loop.stop)
loop.call_soon(http_server.hear_early_signals)
os.kill(os.getpid(), signal.SIGTERM)
loop.run_forever()
"""


def test_a_worker_hears_a_signal_that_came_just_before_it_serves() -> None:
    subprocess.run([sys.executable, "-c", EARLY], cwd=ROOT, check=True, timeout=60)


class Upload:
    """An upload of which half has been sent, and the rest when it is told."""

    def __init__(self, served: Served) -> None:
        self.rest = threading.Event()
        self._answer = b""
        self._socket = socket.create_connection(("127.0.0.1", served.port), timeout=30)
        head = f"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(ONE_MB)}\r\n"
        self._socket.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert b"100 Continue" in self._socket.recv(1024), "only then a worker has it"
        self._socket.sendall(ONE_MB[:500_000])
        self._thread = threading.Thread(target=self._finish)
        self._thread.start()

    def _finish(self) -> None:
        self.rest.wait(30)
        self._socket.sendall(ONE_MB[500_000:])
        self._answer = self._socket.recv(65536)

    def status(self) -> int:
        self._thread.join(40)
        self._socket.close()
        return int(self._answer.split()[1])
