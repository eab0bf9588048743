"""The worst attacks in their short form: others are served, none is refused, and memory stays within its formula."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.attack.__main__ import SHORT_SECONDS
from tests.attack.catalogue import ATTACKS
from tests.attack.others import TOO_LATE
from tests.attack.registry import Attack
from tests.attack.result import GENEROUS, STRICT, Memory, Result
from tests.attack.run import tried
from tests.attack.wire import BROKEN
from tests.cast import SERVER_KEY
from tests.processes import ROOT, Served, serving

SHORT = [attack for attack in ATTACKS.values() if attack.short]
MIB = 2**20


@pytest.fixture(scope="module")
def served(database_url: str) -> Iterator[Served]:
    """One server for all of them: what an attack leaves behind is the next one's to suffer."""
    settings: dict[str, Any] = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY}
    with serving(**settings) as served:
        yield served


@pytest.mark.parametrize("attack", SHORT, ids=lambda attack: attack.name)
def test_others_are_served_while(attack: Attack, served: Served) -> None:
    assert not attack.settings
    result = tried(attack, served.port, SHORT_SECONDS, served)
    assert result.complaints(GENEROUS) == []
    assert result.tried > 0


def made(
    wrong: tuple[str, ...] = (), seconds: float = 0.01, status: int = 200, memory: Memory | None = None
) -> Result:
    """A result in which all but one request of others went well."""
    well = [(0.01, 200)] * 9
    return Result(SHORT[0], 1, {}, wrong, [*well, (seconds, status)], list(well), memory)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        (made(), []),
        (made(wrong=("a promise",)), ["a promise"]),
        (made(status=503), ["1 refused"]),
        (made(status=404), ["1 refused"]),
        (made(status=TOO_LATE), ["1 without an answer in 10 s"]),
        (made(status=BROKEN), ["1 without an answer in 10 s"]),
        (made(seconds=1.5), ["others wait 1.50 s (bound: 1 s)"]),
        (made(memory=Memory(0, 20_000 * MIB, 0)), ["a worker: 20000 MiB"]),
        (made(memory=Memory(0, 0, 90_000 * MIB)), ["the sandboxes: 90000 MiB"]),
    ],
)
def test_each_bound_is_judged(result: Result, told: list[str]) -> None:
    found = result.complaints(STRICT)
    assert len(found) == len(told)
    assert all(line.startswith(words) for line, words in zip(found, told, strict=True))


@pytest.mark.parametrize("url", ["http://example.org:80", "http://127.0.0.2:80", "https://127.0.0.1:80"])
def test_no_other_machine_is_attacked(url: str) -> None:
    command = [sys.executable, "-m", "tests.attack", "--only", "idle", "--url", url]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 2
    assert "only a server of this machine is attacked" in ran.stderr
