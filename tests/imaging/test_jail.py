"""Arbitrary code in the place of the decoder, and what the jail leaves it; then the same with each part of it away."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable

import pytest

from imaging import jail_offered
from imaging.sandbox.calls import CALLS
from tests.imaging.hostile import Case, ways
from tests.imaging.ways_out import BY_ARGUMENT, BY_NUMBER, NEEDED
from tests.processes import ROOT

pytestmark = pytest.mark.skipif(not jail_offered().filtered, reason=jail_offered().why_not)

WAYS = [name for name in ways() if not name.startswith("needed: ")]
HELD_BY = {
    **dict.fromkeys(BY_NUMBER, "last"),
    **{name: name for name in BY_ARGUMENT},
    "vfork": "last",
    "a call of 32-bit x86": "machine",
    "read what was open": "close_descriptors",
    "write what was open": "close_descriptors",
    "a core": "last",
    "another limit": "last",
}
"""The line of the filter, or the step of the lock, without which a way leads to the kernel."""
NOBODIES = (False, True)


def met(cases: Iterable[Case]) -> dict[Case, str]:
    """Return what became of each case."""
    listed = [Case(case.way, tuple(case.without), case.nobody) for case in cases]
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
    found = met(Case(way, nobody=nobody) for way in WAYS for nobody in NOBODIES)
    left = {case: became for case, became in found.items() if became != "SIGSYS"}
    assert {case.way: became for case, became in left.items()} == {
        "read what was open": "EBADF",
        "write what was open": "EBADF",
    }


def test_every_way_leads_on_once_its_line_is_away() -> None:
    """So each way is one, and each line of the filter is needed."""
    cases = [Case(way, (HELD_BY[way],), nobody) for way in WAYS for nobody in NOBODIES]
    assert [case for case, became in met(cases).items() if became in {"SIGSYS", "EBADF"} and HELD_BY[case.way] != "last"] == []


def test_print() -> None:
    print(met([Case(way, (HELD_BY[way],), nobody) for way in WAYS for nobody in NOBODIES]))
