"""The judge of `make soak`, and a soak of seconds that is stopped and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.clusters import Fill
from tests.soak.__main__ import soak
from tests.soak.curves import MIB, growing, picture, table
from tests.soak.samples import Sample, kept

SAMPLE = Sample(
    seconds=0,
    run=1,
    visits=0,
    wrong={},
    upload_ms=5.0,
    open_ms=2.0,
    cpu_ms=5.0,
    living=1000,
    mayfly=250 * MIB,
    postgresql=150 * MIB,
    disk=900 * MIB,
    wal=600 * MIB,
    slots=100 * MIB,
    images=2 * MIB,
    catalogs=7 * MIB,
    files=600,
    threads=55,
    connections=8,
)
HOUR = 360


def test_what_fills_in_the_first_half_and_what_swings_does_not_grow() -> None:
    samples = [
        replace(SAMPLE, mayfly=min(250, 100 + turn) * MIB, slots=(100 + turn % 30) * MIB)
        for turn in range(HOUR)
    ]
    assert growing(samples) == []


@pytest.mark.parametrize(("name", "an_hour"), [("mayfly", 40 * MIB), ("disk", 400 * MIB), ("files", 120)])
def test_what_leaks_for_the_whole_hour_grows(name: str, an_hour: int) -> None:
    base = getattr(SAMPLE, name)
    samples = [replace(SAMPLE, **{name: base + an_hour * turn // HOUR}) for turn in range(HOUR)]
    assert len(growing(samples)) == 1
    assert table(samples).count("**grows**") == 1


def test_a_picture_goes_from_nothing_to_the_most() -> None:
    assert picture([0.0, 1.0, 2.0]) == "▁▅█"
    assert len(picture([5.0] * HOUR)) == 40


@pytest.mark.slow
def test_a_soak_that_was_stopped_goes_on(fill: Fill, tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    fill(tmp_path / "data")
    soak(tmp_path, path, seconds=3, every=1, rate=10)
    soak(tmp_path, path, seconds=5, every=1, rate=10)
    samples = kept(path)
    assert [sample.run for sample in samples][:: len(samples) - 1] == [1, 2]
    assert [sample.seconds for sample in samples] == sorted(sample.seconds for sample in samples)
    assert 5 <= samples[-1].seconds < 60
    last = samples[-1]
    assert last.wrong == {}
    assert last.visits > 0
    assert last.living > 0
    assert last.connections > 0
    assert last.mayfly > 50 * MIB < last.disk
    assert last.disk > last.wal + last.slots + last.images + last.catalogs
