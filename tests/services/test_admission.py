"""Admission: its bound is never exceeded, requests are served in order, and everything reserved is given back."""

from __future__ import annotations

import threading
import time

import pytest
from flask.testing import FlaskClient

from app import Mayfly
from services import SMALL_BYTES, Allowance, Later, Memory, Overloaded, hold_memory
from services.admission import Budget
from services.allowance import MEDIUM_BYTES
from tests.cast import deposit, noise

LARGE = 4 * MEDIUM_BYTES


def test_never_more_than_there_are() -> None:
    budget, seen = Budget(100, waiting=0), []

    def request(size: int) -> None:
        for _ in range(200):
            if budget.take(size):
                seen.append(budget.taken)
                budget.give_back(size)

    threads = [threading.Thread(target=request, args=(40 + number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen
    assert max(seen) <= 100
    assert budget.taken == 0


def test_who_came_first_is_first_however_much_it_wants() -> None:
    budget, order = Budget(10, waiting=3), []
    assert budget.take(9)
    for name, amount in (("large", 10), ("small", 1), ("small too", 1)):
        budget.join(amount, lambda name=name: order.append(name))  # type: ignore[misc]
    assert not budget.take(1), "who comes later doesn't overtake"
    budget.give_back(9)
    assert order == ["large"]
    budget.give_back(10)
    assert order == ["large", "small", "small too"]
    assert budget.taken == 2


def test_as_many_wait_as_may_and_who_leaves_takes_nothing() -> None:
    budget = Budget(1, waiting=1)
    assert budget.take(1)
    ticket = budget.join(1, lambda: None)
    with pytest.raises(Overloaded):
        budget.join(1, lambda: None)
    assert ticket.leave() is False
    budget.give_back(1)
    assert budget.taken == 0


def test_who_leaves_too_late_has_it() -> None:
    budget = Budget(1, waiting=1)
    assert budget.take(1)
    ticket = budget.join(1, lambda: None)
    budget.give_back(1)
    assert ticket.leave() is True
    assert budget.taken == 1


def test_small_ones_do_not_ask() -> None:
    memory = Memory(LARGE)
    for _ in range(100):
        Allowance(memory).hold_memory(SMALL_BYTES)
    assert memory.taken == 0


def test_large_ones_never_keep_the_others_waiting() -> None:
    memory = Memory(LARGE)
    large, medium, small = Allowance(memory), Allowance(memory), Allowance(memory)
    large.hold_memory(LARGE)
    medium.hold_memory(MEDIUM_BYTES)
    small.hold_memory(SMALL_BYTES)
    with pytest.raises(Later) as later:
        Allowance(memory).hold_memory(MEDIUM_BYTES + 1)
    assert later.value.budget is memory.large


def test_growing_counts_once_and_more_than_there_are_counts_as_all() -> None:
    memory = Memory(LARGE)
    allowance = Allowance(memory)
    for size in (MEDIUM_BYTES, MEDIUM_BYTES // 2, LARGE // 2):
        allowance.hold_memory(size)
    assert memory.taken == LARGE // 2, "what is large holds nothing of the part for medium ones"
    allowance.hold_memory(99 * LARGE)
    assert memory.taken == LARGE
    allowance.close()
    allowance.close()
    assert memory.taken == 0


def test_an_allowance_that_nobody_knows_any_more_is_given_back() -> None:
    memory = Memory(LARGE)
    Allowance(memory).hold_memory(LARGE)
    assert memory.taken == 0


def test_outside_of_a_request_nothing_is_asked() -> None:
    hold_memory(10**12)


def test_an_upload_and_an_open_give_back_what_they_held(app: Mayfly, client: FlaskClient) -> None:
    picture = noise(800, 700)
    path = client.put("/noise.png", data=picture).text.strip().rpartition("/")[2]
    assert app.memory.taken == 0
    answer = client.get(f"/image/{path}", buffered=False)
    assert app.memory.taken == len(picture), "the answer is not read yet"
    assert answer.data == picture
    answer.close()
    assert app.memory.taken == 0
    client.get(f"/image/{path}", buffered=False).close()
    assert app.memory.taken == 0, "nobody read it to its end"


@pytest.mark.parametrize("body", [noise(800, 700)[:-9_000], b"\x89PNG" * 200_000, b"x" * 22_000_000])
def test_what_is_refused_is_given_back(app: Mayfly, client: FlaskClient, body: bytes) -> None:
    assert client.put("/noise.png", data=body).status_code in {413, 415, 422}
    assert app.memory.taken == 0


def test_who_does_not_get_in_is_told_so_and_loses_no_view(app: Mayfly, client: FlaskClient) -> None:
    for budget in app.memory.budgets:
        budget.patience = 0.05
    told = client.put("/noise.png?views=1", data=noise(800, 700), headers={"Accept": "application/json"})
    path = f"/image/{told.get_json()['hash']}"
    small = deposit(client)
    others = [(budget, budget.units) for budget in app.memory.budgets if budget.take(budget.units)]
    for answer in (client.post(path), client.put("/noise.png", data=noise(800, 700))):
        assert (answer.status_code, answer.get_json()["error"]) == (503, "too_busy")
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get(f"/image/{small}").status_code == 200
    for budget, units in others:
        budget.give_back(units)
    assert client.post(path).status_code == 200


def test_an_image_that_ends_while_it_waits_is_not_opened(app: Mayfly, client: FlaskClient) -> None:
    path = client.put("/noise.png?lifetime=2", data=noise(800, 700)).text.strip().rpartition("/")[2]
    medium = app.memory.medium
    assert medium.take(medium.units)
    threading.Timer(2.2, medium.give_back, [medium.units]).start()
    began = time.monotonic()
    assert client.get(f"/image/{path}").status_code == 404
    assert time.monotonic() - began > 1, "it did wait"
