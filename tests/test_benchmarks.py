"""What `make bench` measures: Mayfly's uploads open again as the picture that was sent, and none fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.load import Generator
from benchmarks.run import measure
from benchmarks.subjects import mayfly
from tests.clusters import Fill
from tests.processes import ROOT

MOST_LINES = 1_600


@pytest.mark.slow
def test_uploads_open_again(fill: Fill, tmp_path: Path) -> None:
    """`measure` itself compares the first link's picture with what was sent; it does so for each subject, peers too."""
    with mayfly(fill(tmp_path / "data")) as served:
        loads = {verb: load for _, verb, load, _ in measure(Generator(tmp_path), served, (2,), 0.2, 100_000)}
    assert {verb: load.failed for verb, load in loads.items()} == {"up": 0, "open": 0}
    assert all(load.requests for load in loads.values())


def test_measuring_stays_in_proportion() -> None:
    """A script that decided something is removed, and its decision keeps the table."""
    lines = sum(len(path.read_text().splitlines()) for path in (ROOT / "benchmarks").rglob("*.py"))
    assert lines < MOST_LINES
