"""Admission by bytes: a bound that holds, an order that is kept, and nothing that stays taken."""

from __future__ import annotations

import threading
import time

import pytest
from flask.testing import FlaskClient

from app import Mayfly
from services import InFlight, Overloaded, Share, hold
from services.in_flight import FREE_BYTES, hold_now
from tests.cast import deposit, noise
from tests.processes import until

MANY = 4 * FREE_BYTES


def shares(in_flight: InFlight, *sizes: int) -> list[Share]:
    made = [Share(in_flight) for _ in sizes]
    for share, size in zip(made, sizes, strict=True):
        share.grow_to(size)
    return made


def test_never_more_than_there_are() -> None:
    in_flight, seen = InFlight(2 * MANY), []

    def request(size: int) -> None:
        for _ in range(20):
            share = Share(in_flight)
            share.grow_to(size)
            seen.append(in_flight.bytes)
            share.close()

    threads = [threading.Thread(target=request, args=(MANY - number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 160
    assert max(seen) <= 2 * MANY
    assert in_flight.bytes == 0


def test_who_came_first_is_first_however_much_it_wants() -> None:
    in_flight, order = InFlight(2 * MANY), []
    (first,) = shares(in_flight, 2 * MANY - 1)

    def later(name: str, size: int) -> None:
        share = Share(in_flight)
        share.grow_to(size)
        order.append(name)
        share.close()

    threads = []
    for number, (name, size) in enumerate([("large", 2 * MANY), ("medium", MANY), ("medium too", MANY)], 1):
        threads.append(threading.Thread(target=later, args=(name, size)))
        threads[-1].start()
        assert until(lambda due=number: len(in_flight._queue) == due)  # type: ignore[misc]
    first.close()
    for thread in threads:
        thread.join()
    assert order[0] == "large"
    assert len(order) == 3


def test_waiting_ends_and_takes_nothing() -> None:
    in_flight = InFlight(MANY, patience=0.05)
    (first,) = shares(in_flight, MANY)
    with pytest.raises(Overloaded):
        shares(in_flight, MANY)
    assert in_flight.bytes == MANY
    first.close()
    first.close()
    assert in_flight.bytes == 0
    shares(in_flight, MANY)


def test_small_ones_do_not_ask() -> None:
    in_flight = InFlight(MANY, patience=0.05)
    held = shares(in_flight, MANY, FREE_BYTES)
    assert [share.bytes for share in held] == [MANY, 0]


def test_more_than_there_are_counts_as_all_and_growing_counts_once() -> None:
    in_flight = InFlight(2 * MANY, patience=0.05)
    (share,) = shares(in_flight, MANY)
    share.grow_to(MANY // 2)
    assert in_flight.bytes == MANY
    share.grow_to(99 * MANY)
    assert in_flight.bytes == 2 * MANY
    share.close()
    assert in_flight.bytes == 0


def test_a_share_that_nobody_knows_any_more_is_given_back() -> None:
    in_flight = InFlight(MANY, patience=0.05)
    shares(in_flight, MANY)
    assert in_flight.bytes == 0


def test_outside_of_a_request_nothing_is_asked() -> None:
    hold(10**12)
    hold_now(10**12)


def test_an_upload_and_an_open_give_back_what_they_held(app: Mayfly, client: FlaskClient) -> None:
    picture = noise(800, 700)
    path = client.put("/noise.png", data=picture).text.strip().rpartition("/")[2]
    assert app.in_flight.bytes == 0
    answer = client.get(f"/image/{path}", buffered=False)
    assert app.in_flight.bytes == len(picture), "the answer is not read yet"
    assert answer.data == picture
    answer.close()
    assert app.in_flight.bytes == 0
    client.get(f"/image/{path}", buffered=False).close()
    assert app.in_flight.bytes == 0, "nobody read it to its end"


@pytest.mark.parametrize("body", [noise(800, 700)[:-9], b"\x89PNG" * 200_000, b"x" * 22_000_000])
def test_what_is_refused_is_given_back(app: Mayfly, client: FlaskClient, body: bytes) -> None:
    assert client.put("/noise.png", data=body).status_code in {413, 415, 422}
    assert app.in_flight.bytes == 0


def test_who_does_not_get_in_is_told_so_and_loses_no_view(app: Mayfly, client: FlaskClient) -> None:
    app.in_flight._patience = 0.05
    told = client.put("/noise.png?views=1", data=noise(800, 700), headers={"Accept": "application/json"})
    path = f"/image/{told.get_json()['hash']}"
    small = deposit(client)
    with app.in_flight.request() as other:
        other.grow_to(app.settings.bytes_in_flight)
        for answer in (client.post(path), client.put("/noise.png", data=noise(800, 700))):
            assert (answer.status_code, answer.get_json()["error"]) == (503, "too_busy")
            assert int(answer.headers["Retry-After"]) > 0
        assert client.get(f"/image/{small}").status_code == 200
    other.close()
    assert client.post(path).status_code == 200


def test_an_image_that_ends_while_it_waits_is_not_opened(app: Mayfly, client: FlaskClient) -> None:
    path = client.put("/noise.png?lifetime=2", data=noise(800, 700)).text.strip().rpartition("/")[2]
    share = Share(app.in_flight)
    share.grow_to(app.settings.bytes_in_flight)
    threading.Timer(2.2, share.close).start()
    began = time.monotonic()
    assert client.get(f"/image/{path}").status_code == 404
    assert time.monotonic() - began > 1, "it did wait"
