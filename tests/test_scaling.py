"""docs/scaling.md shows what its model says, and the model's formula and its simulation agree."""

from __future__ import annotations

import pytest

from tests.processes import ROOT
from tests.scaling import Load, Machine, kept_seconds, need, needs, node_milliseconds, queues, stored_gb

PAGE = (ROOT / "docs" / "scaling.md").read_text()


def test_the_page_has_the_tables_of_the_model() -> None:
    assert needs() in PAGE
    assert queues() in PAGE


def test_the_simulated_ring_holds_what_the_formula_says() -> None:
    load = Load(1_000)
    mean, most = stored_gb(load)
    assert mean == pytest.approx(load.uploads * load.megabytes * kept_seconds(load) / 1_000, rel=0.02)
    assert mean < most < 1.1 * mean
    assert f"{mean:,.0f} GB, and {most:,.0f} at most" in PAGE


def test_a_node_that_is_busy_as_planned_makes_few_wait() -> None:
    idle, planned, full = (node_milliseconds(Load(1), busy)[1] for busy in (0.05, Machine().busy, 0.95))
    assert idle < planned < 1.5 * idle < full


@pytest.mark.parametrize("rate", [1_000, 100_000])
def test_s3_takes_the_bytes_off_the_databases_and_nothing_off_the_nodes(rate: int) -> None:
    rows, s3 = need(Load(rate), s3=False), need(Load(rate), s3=True)
    assert rows["nodes"] == s3["nodes"]
    assert rows["databases"] > 10 * s3["databases"]
    assert rows["PostgreSQL writes, MB/s"] > 100 * s3["PostgreSQL writes, MB/s"]
    assert (rows["S3, PUT/s"], s3["S3, PUT/s"]) == (0, rate)


def test_twice_the_load_takes_twice_as_much() -> None:
    once, twice = (need(Load(rate), s3=True) for rate in (50_000, 100_000))
    for name, value in once.items():
        assert twice[name] == pytest.approx(2 * value, rel=0.01)
