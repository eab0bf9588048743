"""The threads that run Flask: what happens where the system refuses to start another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.processes import ROOT

SCRIPT = """
import asyncio, resource, sys, threading
from pathlib import Path
from front.pool import ThreadPool

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

async def main():
    pool = ThreadPool(3)
    if sys.argv[1] == "one":
        print(await pool.run(name))
        refuse()
        print(*await asyncio.gather(*(pool.run(name) for _ in range(4))), *await idle(pool))
    else:
        refuse()
        try:
            pool.run(name)
        except RuntimeError as error:
            print(error, *await idle(pool))
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
        ("none", "the system refuses to start a thread 0 0\n0 0\n"),
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
