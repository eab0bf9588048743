"""The threads that run Flask: what happens where the system refuses to start another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import ROOT

SCRIPT = """
import asyncio, resource, sys, threading
from pathlib import Path
from front.asgi import Front
from front.pool import Busy, ThreadPool
from services import Memory

def refuse():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (1 << 20)  # less than the stack of another thread
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

def allow():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)

def name():
    return threading.current_thread().name

async def idle(pool):
    for _ in range(500):
        if not pool.busy:
            break
        await asyncio.sleep(0.01)
    return pool.waiting, pool.busy

def hello(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]

async def status():
    front = Front(hello, Memory(8 << 20), 3, lambda *_: 0, float, bool)
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "headers": [], "query_string": b""}
    scope |= {"scheme": "http", "http_version": "1.1", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}
    sent = []

    async def send(message):
        sent.append(message)

    refuse()
    await front(scope, None, send)
    return sent[0]["status"], dict(sent[0]["headers"])[b"retry-after"]

async def main():
    pool = ThreadPool(3)
    if sys.argv[1] == "front":
        print(*await status())
        return
    if sys.argv[1] == "one":
        print(await pool.run(name))
        refuse()
        print(*await asyncio.gather(*(pool.run(name) for _ in range(4))), *await idle(pool))
    else:
        refuse()
        try:
            pool.run(name)
        except Busy:
            print("busy", *await idle(pool))
    allow()
    all_at_once = threading.Barrier(3)
    await asyncio.gather(*(pool.run(lambda: all_at_once.wait(30)) for _ in range(3)))
    print(*await idle(pool))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("threads", "told"),
    [
        ("one", "flask-1\nflask-1 flask-1 flask-1 flask-1 0 0\n0 0\n"),
        ("none", "busy 0 0\n0 0\n"),
        ("front", "503 b'1'\n"),
    ],
)
def test_a_thread_that_the_system_refuses_costs_no_request_while_there_is_another(
    threads: str, told: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, threads],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ran.returncode, ran.stdout) == (0, told), ran.stderr
