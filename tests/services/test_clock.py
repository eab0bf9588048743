"""An upload's clock is PostgreSQL's, although it is not asked each time."""

from __future__ import annotations

import time

from sqlalchemy import Engine, event, text

from services import DatabaseClock

FAR_AWAY = 10**9
"""Seconds that no test lasts."""


def asked(engine: Engine) -> list[float]:
    """Return a list that grows whenever a connection is lent."""
    times: list[float] = []
    event.listen(engine, "checkout", lambda *_: times.append(time.monotonic()))
    return times


def test_it_is_asked_once_while_its_answer_is_young(engine: Engine) -> None:
    clock, times = DatabaseClock(engine, age=FAR_AWAY), asked(engine)
    for _ in range(100):
        clock.now()
    assert len(times) == 1
    clock.age = 0.0
    clock.now()
    assert len(times) == 2, "an answer that is too old is not taken for the time"


def test_between_two_answers_it_goes_on_and_is_never_early(engine: Engine) -> None:
    clock, told = DatabaseClock(engine, age=FAR_AWAY), set()
    with engine.connect() as connection:
        event.listen(engine, "checkout", lambda *_: time.sleep(0.3))  # a connection that is long in coming
        first = clock.now()
        deadline = time.monotonic() + 2.2
        while time.monotonic() < deadline:
            mine = clock.now()
            told.add(mine)
            theirs = connection.execute(
                text("SELECT extract(epoch FROM clock_timestamp())::float8")
            ).scalar_one()
            assert mine <= theirs
    assert {first + 1, first + 2} <= told
