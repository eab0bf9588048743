"""`scripts/postgres`: whether the pinned PostgreSQL is behind its branch is told without a network."""

from __future__ import annotations

import datetime
import runpy
from typing import Any

import pytest

from tests.processes import ROOT


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(ROOT)
    return runpy.run_path(str(ROOT / "scripts" / "postgres"))


@pytest.mark.parametrize(
    ("since", "today", "count"),
    [("2026-09-07", "2026-11-11", 0), ("2026-09-07", "2026-11-12", 1), ("2026-09-07", "2027-02-11", 2)],
)
def test_planned_releases_are_counted(script: dict[str, Any], since: str, today: str, count: int) -> None:
    days = (datetime.date.fromisoformat(since), datetime.date.fromisoformat(today))
    assert script["planned"](*days) == count


@pytest.mark.parametrize(
    ("newest", "day", "status"),
    [(9, "2026-01-01", 1), (6, "2026-01-01", 0), (None, "2026-01-01", 0), (9, "2999-01-01", 0)],
    ids=["a newer one to pin", "none to pin", "no network", "not behind"],
)
def test_it_fails_only_where_it_can_be_mended(
    script: dict[str, Any], newest: int | None, day: str, status: int
) -> None:
    names = script["main"].__globals__
    version = script["pinned"]()
    names |= {"offered": lambda major: newest and version[1] - 6 + newest}
    names["THERE"] = version, datetime.date.fromisoformat(day)
    assert script["main"]() == status


def test_a_new_pin_has_to_say_since_when(script: dict[str, Any]) -> None:
    assert script["THERE"][0] == script["pinned"]()
