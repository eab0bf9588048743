"""Admission by bytes: a bound that holds, an order that is kept, and nothing that stays taken."""

from __future__ import annotations

import threading
import time
from io import BytesIO

import pytest
from flask.testing import FlaskClient

from app import Mayfly
from services import FREE_BYTES, Allowance, Budget, Later, Overloaded, hold, turn
from tests.cast import deposit, noise

MANY = 4 * FREE_BYTES


def wait(budget: Budget, amount: int) -> Allowance:
    """Take an amount as whoever runs a request does: wait in the queue until it is granted."""
    granted, allowance = threading.Event(), Allowance()
    ticket = budget.join(amount, granted.set)
    if not granted.wait(budget.patience) and not ticket.leave():
        raise Overloaded
    allowance.add(budget, amount)
    return allowance


def test_never_more_than_there_are() -> None:
    memory, seen = Budget(2 * MANY, 8, patience=60), []

    def request(size: int) -> None:
        for _ in range(20):
            allowance = wait(memory, size)
            seen.append(memory.taken)
            allowance.close()

    threads = [threading.Thread(target=request, args=(MANY - number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 160
    assert max(seen) <= 2 * MANY
    assert memory.taken == 0


def test_who_came_first_is_first_however_much_it_wants() -> None:
    memory, order = Budget(2 * MANY, 8), []
    first = wait(memory, 2 * MANY - 1)
    for name, size in (("large", 2 * MANY), ("medium", MANY), ("medium too", MANY)):
        memory.join(size, lambda name=name: order.append(name))  # type: ignore[misc]
    assert not memory.take(1), "nobody overtakes those who wait"
    first.close()
    assert order == ["large"]
    memory.give_back(2 * MANY)
    assert order == ["large", "medium", "medium too"]


def test_waiting_ends_and_takes_nothing() -> None:
    memory = Budget(MANY, 8, patience=0.05)
    first = wait(memory, MANY)
    with pytest.raises(Overloaded):
        wait(memory, MANY)
    assert (memory.taken, memory.queued) == (MANY, 0)
    first.close()
    first.close()
    assert memory.taken == 0
    wait(memory, MANY)


def test_who_leaves_lets_the_next_one_through() -> None:
    memory, order = Budget(MANY, 8), []
    first = wait(memory, MANY // 2)
    large = memory.join(MANY, lambda: order.append("large"))
    memory.join(MANY // 2, lambda: order.append("small"))
    assert not large.leave()
    assert order == ["small"]
    assert first.held(memory) == MANY // 2


def test_no_more_wait_than_may() -> None:
    memory = Budget(MANY, 1)
    first = wait(memory, MANY)
    memory.join(1, lambda: None)
    with pytest.raises(Overloaded):
        memory.join(1, lambda: None)
    first.close()


def test_more_than_there_are_counts_as_all_and_growing_counts_once() -> None:
    memory, allowance = Budget(2 * MANY, 8), Allowance()
    for asked, held in ((MANY, MANY), (MANY // 2, MANY), (99 * MANY, 2 * MANY)):
        allowance.hold(memory, asked)
        assert memory.taken == held
    allowance.keep(memory, MANY)
    allowance.keep(memory, 2 * MANY)
    assert memory.taken == allowance.held(memory) == MANY
    allowance.close()
    assert memory.taken == 0


def test_an_allowance_that_nobody_knows_any_more_is_given_back() -> None:
    memory = Budget(MANY, 8)
    wait(memory, MANY)
    assert memory.taken == 0


def test_later_says_of_what_and_how_much() -> None:
    memory, turns = Budget(MANY, 8), Budget(1, 8)
    first = wait(memory, MANY - 9)
    allowance = Allowance()
    with allowance.current():
        with pytest.raises(Later) as short:
            hold(memory, 10)
        assert (short.value.budget, short.value.amount) == (memory, 10)
        with turn(turns):
            assert turns.taken == 1
            with Allowance().current(), pytest.raises(Later), turn(turns):
                pass
        assert turns.taken == 0
    first.close()


def test_outside_of_a_request_nothing_is_asked() -> None:
    hold(Budget(1, 1), 10**12)
    with turn(Budget(0, 0)):
        pass


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


def test_small_ones_do_not_ask(app: Mayfly, client: FlaskClient) -> None:
    small = noise(280, 280)
    assert len(small) <= FREE_BYTES
    with Allowance().current():
        hold(app.memory, app.settings.bytes_in_flight)
        path = client.put("/noise.png", data=small).text.strip().rpartition("/")[2]
        assert client.get(f"/image/{path}").data == small


@pytest.mark.parametrize("body", [noise(800, 700)[:-9], b"\x89PNG" * 200_000, b"x" * 22_000_000])
def test_what_is_refused_is_given_back(app: Mayfly, client: FlaskClient, body: bytes) -> None:
    assert client.put("/noise.png", data=body).status_code in {413, 415, 422}
    assert app.memory.taken == 0


def test_who_does_not_get_in_is_told_so_and_loses_no_view(app: Mayfly, client: FlaskClient) -> None:
    app.memory.patience = 0.05
    told = client.put("/noise.png?views=1", data=noise(800, 700), headers={"Accept": "application/json"})
    path = f"/image/{told.get_json()['hash']}"
    small = deposit(client)
    other = wait(app.memory, app.settings.bytes_in_flight)
    for answer in (client.post(path), client.put("/noise.png", data=noise(800, 700))):
        assert (answer.status_code, answer.get_json()["error"]) == (503, "too_busy")
        assert int(answer.headers["Retry-After"]) > 0
    assert client.get(f"/image/{small}").status_code == 200
    other.close()
    assert client.post(path).status_code == 200


def test_an_image_that_ends_while_it_waits_is_not_opened(app: Mayfly, client: FlaskClient) -> None:
    path = client.put("/noise.png?lifetime=2", data=noise(800, 700)).text.strip().rpartition("/")[2]
    other = wait(app.memory, app.settings.bytes_in_flight)
    threading.Timer(2.2, other.close).start()
    began = time.monotonic()
    assert client.get(f"/image/{path}").status_code == 404
    assert time.monotonic() - began > 1, "it did wait"


@pytest.mark.parametrize("form", ["raw", "multipart"])
def test_a_request_that_runs_again_finds_its_body(app: Mayfly, client: FlaskClient, form: str) -> None:
    """What asks for more of a budget after the body was read begins anew, and the body is read once only."""
    runs = []
    turns = Budget(1, 8)
    other = wait(turns, 1)
    view = app.view_functions["share.upload"]

    def twice() -> object:
        runs.append(view())
        hold(turns, 1)
        return runs[-1]

    app.view_functions["share.upload"] = twice  # type: ignore[assignment]
    threading.Timer(0.2, other.close).start()
    picture = noise(300, 300)
    data = picture if form == "raw" else {"file": (BytesIO(picture), "a.png")}
    assert client.post("/upload", data=data).status_code == 201
    assert len(runs) == 2
