"""No request does more work than it did: counts, not seconds, so that a busy machine changes nothing."""

from __future__ import annotations

import copy

import pytest

from tests.work.compare import STORE, complaints, stored
from tests.work.count import counted
from tests.work.proxy import LENGTH, Way

OPEN = "open 10 MB"


def test_no_request_does_more_work_than_is_stored() -> None:
    told = complaints(stored(), counted())
    assert not told, "\n".join([*told, f"Where that is meant, store the new figures: {STORE}"])


@pytest.mark.parametrize(
    ("figure", "by", "complains"),
    [
        ("statements", 1, True),
        ("round trips", -1, True),
        ("bytes from PostgreSQL", 0.01, False),
        ("bytes from PostgreSQL", 1.0, True),
    ],
)
def test_a_figure_beyond_its_margin_is_named(figure: str, by: float, complains: bool) -> None:
    was = stored()
    now = copy.deepcopy(was)
    now["requests"][OPEN][figure] += by
    told = complaints(was, now)
    assert len(told) == complains
    assert all(line.startswith(f"{OPEN}: {figure} ") for line in told)


def test_a_request_that_is_not_counted_any_more_is_missed() -> None:
    was = stored()
    now = copy.deepcopy(was)
    del now["requests"][OPEN]
    assert complaints(was, now) == [f"{OPEN}: counted on one side only"]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_messages_are_counted_however_they_are_cut(size: int) -> None:
    """A start without a type, a Query of 5 bytes, and an empty Sync."""
    start = (LENGTH + 6).to_bytes(LENGTH, "big") + b"mayfly"
    said = (
        start + b"Q" + (LENGTH + 5).to_bytes(LENGTH, "big") + b"TABLE" + b"S" + LENGTH.to_bytes(LENGTH, "big")
    )
    way = Way(LENGTH)
    for at in range(0, len(said), size):
        way.feed(memoryview(said)[at : at + size])
    assert dict(way.messages) == {"": 1, "Q": 1, "S": 1}
    assert way.size == len(said)
