"""The application's clock may be hours off: the database's clock decides, and nothing else."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.cast import SERVER_KEY
from tests.faults.figures import note
from tests.faults.wire import Answer, once, upload
from tests.processes import ROOT, Served, serving

HOURS = (-30, 0, 30)
SHARED = Path("/dev/shm")


def faked(hours: int) -> dict[str, Any]:
    """The environment in which a program's clock is off; `faketime` knows where its library is."""
    if not hours:
        return {}
    offset = f"{hours:+d}h"
    # Only the time of day is off: time-outs are measured by the monotonic clock, which nobody sets.
    return {
        "LD_PRELOAD": library(),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(ROOT / "tests" / "faults" / "skewed"),
    }


@cache
def library() -> str:
    """The library that `faketime` loads into a program."""
    command = ["faketime", "-m", "-f", "+1h", "printenv", "LD_PRELOAD"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as faketime:
        found = faketime.communicate(timeout=20)[0].strip()
    for left in SHARED.glob(f"*faketime_*_{faketime.pid}"):
        left.unlink()  # it leaves them, and fails where it gets the same process id again
    assert faketime.returncode == 0
    return found


@pytest.fixture(scope="module")
def servers(database_url: str) -> Iterator[list[Served]]:
    """Servers of one database: one a day and more behind, one right, one as much ahead; each one purges."""
    env: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "WORKERS": "1",
        "PURGE_INTERVAL": "1s",
        "TZ": "UTC",
    }
    with ExitStack() as stack:
        yield [stack.enter_context(serving(**env, **faked(hours))) for hours in HOURS]


def told_by(server: Served) -> datetime:
    """The time of day as a server's own log last told it."""
    stamps = re.findall(r"(?m)^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ INFO mayfly.access", server.log)
    return datetime.strptime(stamps[-1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def test_the_clocks_are_really_off(servers: list[Served]) -> None:
    for server, hours in zip(servers, HOURS, strict=True):
        assert once(server.port, "GET", "/healthz").status == 200
        off = told_by(server) - datetime.now(UTC)
        assert abs(off - timedelta(hours=hours)) < timedelta(minutes=5)


class Ledger:
    """Answers that were due and what came instead."""

    def __init__(self, image: bytes) -> None:
        self.image, self.tried = image, 0
        self.wrong: list[str] = []

    def expect(self, what: str, answer: Answer, status: int) -> None:
        self.tried += 1
        if answer.status != status or (status == 200 and answer.body != self.image):
            self.wrong.append(f"{what}: {answer.status}")


def expiry(made: Answer) -> float:
    return datetime.fromisoformat(made.told["expires_at"]).timestamp()


def test_who_may_read_what_does_not_depend_on_the_server_s_clock(
    servers: list[Served], flower: bytes
) -> None:
    ledger = Ledger(flower)
    began = time.time()
    short = [upload(server.port, flower, lifetime="4s") for server in servers]
    lasting = [upload(server.port, flower, lifetime="1h", views=3) for server in servers]
    for made in (*short, *lasting):
        assert abs(expiry(made) - made.told["expires_in"] - began) < 30, "by the database's clock"
    for server, made in product(servers, short):
        answer = once(server.port, "GET", f"/image/{made.told['hash']}")
        if time.time() < expiry(made):
            ledger.expect("alive", answer, 200)
    time.sleep(max(0.0, max(map(expiry, short)) + 0.05 - time.time()))
    for server, made in product(servers, short):
        ledger.expect("expired", once(server.port, "GET", f"/image/{made.told['hash']}"), 404)
        ledger.expect("expired", once(server.port, "GET", f"/images/{made.told['image_key']}"), 404)
    for server, made in product(servers, lasting):
        assert once(server.port, "GET", "/cleanup").status == 200
        ledger.expect("living", once(server.port, "POST", f"/image/{made.told['hash']}"), 200)
    for made in lasting:
        ledger.expect("used up", once(servers[0].port, "POST", f"/image/{made.told['hash']}"), 404)
    note(
        "server clocks 30 hours behind and ahead",
        tried=ledger.tried,
        wrong=len(ledger.wrong),
        seen="reads crosswise over 3 servers, each with its own uploads",
    )
    assert ledger.wrong == []


def test_attempts_at_a_password_are_slowed_down_by_the_database_s_clock(
    servers: list[Served], flower: bytes
) -> None:
    """A server whose clock is ahead forgives no attempt, one behind refuses none that is due."""
    behind, right, ahead = servers
    headers = {"Authorization": "Basic OnNlY3JldA=="}
    link = once(behind.port, "POST", "/upload", flower, headers).told["hash"]
    wrong = {"Authorization": "Basic Ondyb25n"}
    ports = [behind.port, right.port, ahead.port, behind.port, ahead.port]
    assert [once(port, "POST", f"/image/{link}", b"", wrong).status for port in ports] == [403] * 5
    assert [once(s.port, "POST", f"/image/{link}", b"", headers).status for s in servers] == [429] * 3
