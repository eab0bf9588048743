"""A database's machine that dies closes no connection and acknowledges nothing: TCP's limits of time notice it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cluster.dead_machine import NO_NETWORK
from tests.processes import ROOT

GIVEN_UP, CONNECTED = 14, 3
"""Seconds, as docs/operations.md tells them."""
MARGIN = 5
"""Seconds; the kernel looks when its next packet is due, and a busy machine comes to it later."""


def test_a_dead_machine_is_given_up_by_whoever_waits_asks_or_connects(database_url: str) -> None:
    """It dies in a network of the test's own: its link is cut. Without limits they would wait for 15 minutes."""
    command = [sys.executable, "-m", "tests.cluster.dead_machine", database_url]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    if ran.returncode == NO_NETWORK:
        pytest.skip("needs a network of its own: `ip`, `unshare` and user namespaces")
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert 9 < told["waits"] < GIVEN_UP + MARGIN
    assert 9 < told["asks"] < GIVEN_UP + MARGIN
    assert told["connects"] < CONNECTED + MARGIN
