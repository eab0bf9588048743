"""Many clients over several server processes race for the views of one image."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cast import SERVER_KEY
from tests.faults.figures import FULL, note
from tests.faults.wire import BROKEN, Answer, ask, connected, once, upload
from tests.processes import Served, serving, until

CLIENTS = 64
VIEWS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 63)
ROUNDS = 100 if FULL else 8
KILLS = 20 if FULL else 2


class Racers:
    """Clients that wait at one line, spread over the servers, and ask for one image at once."""

    def __init__(self, *servers: Served) -> None:
        self._ports = [server.port for server in servers]
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._line = threading.Barrier(CLIENTS)

    def race(self, link: str) -> list[Answer]:
        return list(self._pool.map(lambda number: self._run(number, link), range(CLIENTS)))

    def _run(self, number: int, link: str) -> Answer:
        with connected(self._ports[number % len(self._ports)]) as connection:
            self._line.wait(60)
            return ask(connection, "POST", f"/image/{link}")

    def close(self) -> None:
        self._pool.shutdown()


@pytest.fixture(scope="module")
def servers(database_url: str) -> Iterator[tuple[Served, Served]]:
    env: dict[str, Any] = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "WORKERS": "2"}
    with serving(**env) as first, serving(**env) as second:
        yield first, second


@pytest.fixture(scope="module")
def racers(servers: tuple[Served, Served]) -> Iterator[Racers]:
    racers = Racers(*servers)
    yield racers
    racers.close()


def whole(answers: list[Answer], image: bytes) -> int:
    return sum(answer.status == 200 and answer.body == image for answer in answers)


def test_exactly_as_many_clients_as_views_get_the_image(
    servers: tuple[Served, Served], racers: Racers, flower: bytes
) -> None:
    wrong: list[tuple[int, Counter[int]]] = []
    views = [VIEWS[turn % len(VIEWS)] for turn in range(ROUNDS)]
    for turn, n in enumerate(views):
        link = upload(servers[turn % 2].port, flower, views=n).told["hash"]
        answers = racers.race(link)
        statuses = Counter(answer.status for answer in answers)
        if whole(answers, flower) != n or statuses != Counter({200: n, 404: CLIENTS - n}):
            wrong.append((n, statuses))
    seen = f"{CLIENTS} clients, 4 processes, {sum(views)} views, as many winners"
    note("race for the views of an image", tried=ROUNDS, wrong=len(wrong), seen=seen)
    assert not wrong


@pytest.mark.timeout(300)
def test_with_a_worker_killed_in_the_middle_never_more_than_the_views(
    servers: tuple[Served, Served], racers: Racers, flower: bytes
) -> None:
    views = won = broken = wrong = 0
    for turn in range(KILLS):
        n = (8, 21, 34)[turn % 3]
        link = upload(servers[0].port, flower, views=n).told["hash"]
        answers = race_with_a_kill(servers[turn % 2], racers, link, delay=random.uniform(0.0, 0.1))
        while (late := once(servers[1 - turn % 2].port, "POST", f"/image/{link}")).status == 200:
            answers.append(late)
        views, won = views + n, won + whole(answers, flower)
        broken += answers.count(BROKEN)
        wrong += whole(answers, flower) > n or not {a.status for a in answers} <= {0, 200, 404}
    seen = f"{views} views, {won} opened whole, {broken} connections broke"
    note("`kill -9` of a worker in such a race", tried=KILLS, wrong=wrong, seen=seen)
    assert not wrong
    assert won > 0


def race_with_a_kill(server: Served, racers: Racers, link: str, delay: float) -> list[Answer]:
    victim = server.workers()[0]  # the oldest: a server whose fresh workers die gives up
    timer = threading.Timer(delay, os.kill, (victim, signal.SIGKILL))
    timer.start()
    answers = racers.race(link)
    timer.join()
    assert until(
        lambda: victim not in server.workers() and len(server.workers()) == 2 == server.serving(), 60
    ), server.log
    assert until(lambda: once(server.port, "GET", "/healthz").status == 200, 30)
    return answers
