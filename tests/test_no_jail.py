"""Mayfly on a kernel that offers no jail for decoders, and what other processes may see of one that does."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from imaging import jail_offered
from imaging.sandbox.kernel import prctl
from tests.cast import IMAGES, SERVER_KEY
from tests.processes import Served, serving

pytestmark = pytest.mark.skipif(not jail_offered().filtered, reason=jail_offered().why_not)

UNDER = (sys.executable, "-m", "tests.without_seccomp")
PR_CAPBSET_DROP = 24
LOOKING = (19, 21, 38)
"""CAP_SYS_PTRACE, CAP_SYS_ADMIN and CAP_PERFMON: each lets root read the memory of any process."""
FLOWER, AVIF = (IMAGES / "flower.jpg").read_bytes(), (IMAGES / "hopper.avif").read_bytes()


def settings(database_url: str, **more: str) -> dict[str, Any]:
    return {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "WORKERS": "1", **more}


def upload(server: Served, image: bytes) -> requests.Response:
    return requests.post(f"{server.url}/upload", data=image, timeout=60)


def sandbox(server: Served) -> tuple[int, dict[str, Any]]:
    answer = requests.get(f"{server.url}/readyz", timeout=20)
    assert answer.json()["parts"]["database"]["ok"]
    return answer.status_code, answer.json()["parts"]["sandbox"]


def test_without_a_jail_decoding_is_refused_and_everybody_is_told(database_url: str) -> None:
    with serving(**settings(database_url), under=UNDER) as server:
        assert (
            server.log.count("Decoders have no jail here (the kernel refuses seccomp: Invalid argument)") == 1
        )
        status, part = sandbox(server)
        assert (status, part["ok"]) == (503, False)
        assert "ACCEPT_NO_JAIL=true" in part["message"]
        kept = upload(server, FLOWER)
        assert kept.status_code == 201
        for answer in (upload(server, AVIF), requests.get(f"{kept.json()['image_url']}.png", timeout=60)):
            assert (answer.status_code, answer.json()["error"]) == (503, "sandbox_missing")
        assert requests.get(kept.json()["image_url"], timeout=60).ok


def test_without_a_jail_decoding_goes_on_where_that_is_accepted(database_url: str) -> None:
    with serving(**settings(database_url, ACCEPT_NO_JAIL="true"), under=UNDER) as server:
        assert server.log.count("ACCEPT_NO_JAIL is on") == 1
        status, part = sandbox(server)
        assert (status, part["ok"]) == (200, True)
        assert "ACCEPT_NO_JAIL is on" in part["message"]
        kept = upload(server, AVIF)
        assert kept.status_code == 201
        assert requests.get(f"{kept.json()['image_url']}.png", timeout=60).ok


def look_at_nobody() -> None:
    """Give up what lets root look into every process; an ordinary user has it not."""
    with contextlib.suppress(OSError):
        for capability in LOOKING:
            prctl(PR_CAPBSET_DROP, capability)


def may_look(pid: int) -> bool:
    """Say whether another process of the same user may read a process's memory and environment."""
    script = f"open('/proc/{pid}/environ', 'rb').read()"
    return not subprocess.run(
        [sys.executable, "-c", script], preexec_fn=look_at_nobody, stderr=subprocess.DEVNULL, check=False
    ).returncode


def test_nobody_looks_into_the_server_and_its_sandbox_and_none_writes_a_core(database_url: str) -> None:
    with serving(**settings(database_url), before=look_at_nobody) as server:
        assert upload(server, AVIF).status_code == 201
        (worker,) = server.workers()
        decoders = [
            pid
            for pid in server.family()
            if b"imaging.sandbox.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        assert len(decoders) == 1
        for pid in (server.process.pid, worker, *decoders):
            assert not may_look(pid)
            limits = Path(f"/proc/{pid}/limits").read_text()
            assert limits.partition("Max core file size")[2].split()[:2] == ["0", "0"]
        assert sandbox(server)[0] == 200
        assert "no jail" not in server.log


def test_that_would_be_noticed() -> None:
    asleep = subprocess.Popen(["sleep", "60"], preexec_fn=look_at_nobody)
    try:
        assert may_look(asleep.pid)
    finally:
        asleep.kill()
        asleep.wait()
