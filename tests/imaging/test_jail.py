"""Arbitrary code runs in place of the decoder: the jail stops it, and without any one part of the jail it escapes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from imaging import jail_offered
from imaging.sandbox.calls import CALLS
from imaging.sandbox.jail import STEPS
from imaging.sandbox.pool import Sandbox, Task
from imaging.sandbox.protocol import DONE, Convert
from tests.imaging.hostile import Case, ways
from tests.imaging.samples import read
from tests.imaging.ways_out import BY_ARGUMENT, BY_NUMBER, NEEDED
from tests.processes import ROOT

pytestmark = pytest.mark.skipif(not jail_offered().filtered, reason=jail_offered().why_not)

ROOT_TOO = (False, True) if os.geteuid() == 0 else (True,)
"""As whom a way is tried: as root where the tests are, and as an ordinary user without a capability."""
HELD_BY = {
    **dict.fromkeys(BY_NUMBER, "last"),
    **{name: name for name in BY_ARGUMENT},
    "vfork": "last",
    "a core": "last",
    "open a file": "last",
    "a call of 32-bit x86": "machine",
    "read what was open": "close_descriptors",
    "write what was open": "close_descriptors",
}
"""The line of the filter, or the step of the lock, without which a way leads to the kernel."""
WAYS = sorted(HELD_BY.keys() & ways().keys())
NO_FILTER, NO_LIMITS, NO_LANDLOCK = "filter_calls", "lower_limits", "renounce_files"
LAYERS = [
    # what is tried, without, so it is refused; and without this too it works; as whom
    ("open a file", (NO_FILTER, NO_LANDLOCK), "EMFILE", NO_LIMITS, ROOT_TOO),
    ("open a file", (NO_FILTER, NO_LIMITS), "EACCES", NO_LANDLOCK, ROOT_TOO),
    ("write what was open", ("close_descriptors",), "EFBIG", NO_LIMITS, ROOT_TOO),
    ("fork", (NO_FILTER,), "EAGAIN", NO_LIMITS, (True,)),
    ("kill", (NO_FILTER,), "EPERM", NO_LANDLOCK, ROOT_TOO[:-1]),
    ("process_vm_readv", (NO_FILTER,), "EPERM", NO_LANDLOCK, ROOT_TOO[:-1]),
    ("a core", (NO_FILTER,), "EPERM", "hide_memory", ROOT_TOO),
]


def met(cases: Iterable[Case]) -> dict[Case, str]:
    """Return what became of each case."""
    listed = list(cases)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.imaging.hostile"],
        cwd=ROOT,
        input=json.dumps(listed),
        stdout=subprocess.PIPE,
        text=True,
        timeout=100,
        check=True,
    )
    return dict(zip(listed, json.loads(ran.stdout), strict=True))


def test_a_hundred_ways_out_lead_nowhere() -> None:
    assert len(WAYS) >= 100
    found = met(Case(way, nobody=nobody) for way in WAYS for nobody in ROOT_TOO)
    ended = {case for case, became in found.items() if became == "SIGSYS"}
    closed = {case for case, became in found.items() if became == "EBADF"}
    assert ended | closed == set(found), "the rest was let through"
    assert {case.way for case in closed} == {"read what was open", "write what was open"}


def test_every_way_reaches_the_kernel_once_its_line_is_away() -> None:
    """So each of them is a way, and each line of the filter is needed."""
    found = met(Case(way, (HELD_BY[way],), nobody) for way in WAYS for nobody in ROOT_TOO)
    assert [case for case, became in found.items() if became in {"SIGSYS", "not locked"}] == []
    opened = {case.way: became for case, became in found.items() if case.way.endswith("what was open")}
    assert opened == {"read what was open": "out", "write what was open": "EFBIG"}
    checks = {f"{name} {check.argument}" for name, call in CALLS.items() for check in call.checks}
    assert checks | {"last", "machine", "close_descriptors"} == set(HELD_BY.values())


@pytest.mark.skipif(not jail_offered().landlock, reason="this kernel has no Landlock")
@pytest.mark.parametrize(
    ("way", "without", "refused", "layer", "users"), LAYERS, ids=[f"{row[3]}: {row[0]}" for row in LAYERS]
)
def test_each_layer_holds_where_the_others_are_away(
    way: str, without: tuple[str, ...], refused: str, layer: str, users: tuple[bool, ...]
) -> None:
    held = met(Case(way, without, nobody) for nobody in users)
    assert set(held.values()) <= {refused}
    assert set(met(Case(way, (*without, layer), nobody) for nobody in users).values()) <= {"out"}


@pytest.mark.skipif("NoNewPrivs:\t1" in Path("/proc/self/status").read_text(), reason="promised already")
def test_without_a_promise_to_gain_no_privileges_nobody_is_locked_up() -> None:
    assert set(met([Case("getpid", ("renounce_privileges",), True)]).values()) == {"not locked"}


def test_twelve_calls_are_allowed_each_by_its_own_line() -> None:
    assert set(CALLS) == set(NEEDED)
    assert len(CALLS) == 12
    allowed = met(Case(f"needed: {name}") for name in NEEDED)
    assert "SIGSYS" not in allowed.values()
    without = met(Case(f"needed: {name}", (name,)) for name in NEEDED)
    assert set(without.values()) == {"SIGSYS"}


@pytest.fixture
def helper() -> Iterator[Sandbox]:
    started = Sandbox()
    yield started
    started.end()


def of_proc(helper: Sandbox, name: str) -> str:
    return Path(f"/proc/{helper.process.pid}/{name}").read_text()


def test_the_true_sandbox_is_in_that_jail(helper: Sandbox) -> None:
    status = dict(line.split(":\t", 1) for line in of_proc(helper, "status").splitlines())
    assert status["Seccomp"] == "2", "filtered"
    assert status["NoNewPrivs"] == "1"
    assert status["Threads"] == "1"
    assert re.search(r"Max core file size +0 +0 ", of_proc(helper, "limits"))
    assert Path(f"/proc/{helper.process.pid}/environ").stat().st_uid == 0, "not dumpable, so it is root's"
    assert [step.__name__ for step in STEPS][-1] == "filter_calls"
    assert of_proc(helper, "oom_score_adj") == "1000\n", "where memory runs out, the kernel ends it first"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that is not dumpable")
def test_the_true_sandbox_has_two_pipes_and_no_page_to_write_code_into(helper: Sandbox) -> None:
    assert {path.name for path in Path(f"/proc/{helper.process.pid}/fd").iterdir()} == {"0", "1", "2"}
    assert re.findall(r"^\S+ \S*wx\S* .*", of_proc(helper, "maps"), re.MULTILINE) == []


def test_ctrl_c_is_not_for_the_sandbox(helper: Sandbox) -> None:
    helper.process.send_signal(signal.SIGINT)
    task = Task(Convert("image/png", "WEBP", 128, 128, 1, 1 << 20), read("hopper.png"), 5, 256 << 20, 1 << 20)
    assert helper.run(task).kind == DONE
