"""The main process ends workers that don't end, and itself where workers can't begin."""

from __future__ import annotations

import signal
import subprocess
import sys

from tests.processes import ROOT

SCRIPT = """
import os, signal, socket, sys, time
from supervisor import Supervisor, fork

def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.getppid() == main:
        os.kill(main, signal.SIGTERM)
    time.sleep(60)

def ended():
    os._exit(3)

def last():
    print("last fork")

main = os.getpid()
work = {"deaf": deaf, "ended": ended}[sys.argv[1]]
forks = []
door = socket.socket()
door.bind(("127.0.0.1", 0))

def again(place, ending):
    forks.append(place)
    return fork(work)

try:
    Supervisor(again, last, [door], os.pipe()[0], drain=0.5, notice=0).serve()
finally:
    print(f"forks {len(forks)}")
"""


def supervised(kind: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, kind]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_worker_that_does_not_end_is_killed_after_its_time() -> None:
    run = supervised("deaf")
    assert (run.returncode, run.stdout) == (0, "last fork\nforks 1\n"), run.stderr
    assert "Killing worker 1" in run.stderr


def test_workers_that_end_as_soon_as_they_begin_end_the_server() -> None:
    run = supervised("ended")
    assert (run.returncode, run.stdout) == (1, "last fork\nforks 2\n"), run.stderr


def test_a_fork_takes_no_signal_from_the_process_that_is_being_ended() -> None:
    """Logging's functions around a fork would swallow what a handler raises, and the start would go on."""
    script = """
import embedded, logging, os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
os.register_at_fork(before=lambda: os.kill(os.getpid(), signal.SIGTERM))
with embedded.signals_later():
    child = os.fork()
    if child == 0:
        embedded.hear_signals()
        os._exit(0)
print("lost")
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=False, timeout=60
    )
    assert (run.returncode, run.stdout) == (7, b"")
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
