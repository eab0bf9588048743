"""Expensive work: how many requests do it and wait for it is bounded, and those that wait hold and change nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text
from werkzeug.test import TestResponse

from app import Mayfly
from crypto import login_passwords, passwords
from imaging import conversion, examination
from services import Allowance, Later, Overloaded
from services.admission import Budget
from services.allowance import once, turn
from services.expensive import CONVERSIONS, PROOFS, STRETCHES
from tests.cast import FLOWER, IMAGES, PASSWORD, deposit, register
from tests.conftest import MakeApp
from tests.processes import until

pytestmark = pytest.mark.real_costs
GIF = (IMAGES / "hopper.gif").read_bytes()
Ask = Callable[[FlaskClient], TestResponse]


@pytest.fixture(autouse=True)
def nothing_stays_taken() -> Iterator[None]:
    yield
    assert [(each.taken, each.queued) for each in (CONVERSIONS, PROOFS, STRETCHES)] == [(0, 0)] * 3


@contextmanager
def busy(budget: Budget) -> Iterator[None]:
    """All that there is of a budget is at work for others."""
    assert budget.take(budget.units)
    try:
        yield
    finally:
        budget.give_back(budget.units)


@contextmanager
def crowded(budget: Budget) -> Iterator[None]:
    """As many wait as may, too."""
    with busy(budget):
        waiting = []
        while not budget.full:
            waiting.append(budget.join(1, lambda: None))
        try:
            yield
        finally:
            for ticket in waiting:
                ticket.leave()


def asks(name: str) -> tuple[Budget, int, Callable[[FlaskClient], Ask]]:
    """A request that needs a turn: at what, the status it gets with one, and how it is set up."""
    return {
        "a conversion": (CONVERSIONS, 200, _conversion),
        "a conversion that counts": (CONVERSIONS, 200, _counted_conversion),
        "an upload of a GIF": (PROOFS, 201, lambda _: lambda client: client.put("/a.gif", data=GIF)),
        "an upload with a password": (STRETCHES, 201, lambda _: _guarded_upload),
        "an open with a password": (STRETCHES, 200, _guarded_open),
        "a description with a password": (STRETCHES, 200, _guarded_description),
        "a registration": (STRETCHES, 201, lambda _: _registration),
        "a login": (STRETCHES, 200, _login),
        "a login of nobody": (STRETCHES, 401, lambda _: _login_of("nobody")),
        "a change of password": (STRETCHES, 200, _change),
    }[name]


NAMES = (
    *("a conversion", "a conversion that counts", "an upload of a GIF", "an upload with a password"),
    *("an open with a password", "a description with a password", "a registration", "a login"),
    *("a login of nobody", "a change of password"),
)


def basic() -> tuple[str, str]:
    return ("", PASSWORD)


def _conversion(client: FlaskClient) -> Ask:
    link = deposit(client)
    return lambda client: client.get(f"/image/{link}.png")


def _counted_conversion(client: FlaskClient) -> Ask:
    link = deposit(client, views=1)
    return lambda client: client.post(f"/image/{link}.png")


def _guarded_upload(client: FlaskClient) -> TestResponse:
    return client.put("/a.jpg", data=FLOWER, auth=basic())


def _guarded_open(client: FlaskClient) -> Ask:
    link = deposit(client, password=PASSWORD, views=1)
    return lambda client: client.post(f"/image/{link}", auth=basic())


def _guarded_description(client: FlaskClient) -> Ask:
    key = _guarded_upload(client).headers["Image-Key"]
    return lambda client: client.get(f"/images/{key}", auth=basic())


def _registration(client: FlaskClient) -> TestResponse:
    asked = {"login": "alice", "email": "alice@example.org", "password": PASSWORD}
    return client.post("/api/registration", json=asked)


def _login_of(login: str) -> Ask:
    return lambda client: client.post("/api/login", json={"login": login, "password": PASSWORD})


def _login(client: FlaskClient) -> Ask:
    register(client)
    return _login_of("alice")


def _change(client: FlaskClient) -> Ask:
    header = register(client)
    fields = {"password": PASSWORD, "new_password": "another horse"}
    return lambda client: client.put("/api/me/password", json=fields, headers=header)


def stored(engine: Engine) -> list[Any]:
    """Whatever a request may have an effect on."""
    tables = ("images", "owners", "guesses", "stored")
    with engine.connect() as connection:
        return [connection.execute(text(f"SELECT * FROM {table} ORDER BY 1")).all() for table in tables]


@pytest.mark.parametrize("name", NAMES)
def test_whoever_waits_holds_no_connection_and_has_had_no_effect(
    make_app: MakeApp, engine: Engine, name: str
) -> None:
    app = make_app(max_stored_bytes=10**9)
    budget, status, prepare = asks(name)
    ask = prepare(app.test_client())
    before = stored(engine)
    pool: Any = app.shards.home.engine.pool
    with ThreadPoolExecutor(1) as others, busy(budget):
        asked = others.submit(ask, app.test_client())
        assert until(lambda: budget.queued == 1)
        assert pool.checkedout() == 0
        assert stored(engine) == before
        budget.give_back(budget.units)
        assert asked.result(60).status_code == status
        assert until(lambda: budget.take(budget.units))


@pytest.mark.parametrize("name", NAMES)
def test_where_too_many_wait_it_is_refused_at_once_and_has_had_no_effect(
    client: FlaskClient, engine: Engine, name: str
) -> None:
    budget, status, prepare = asks(name)
    ask = prepare(client)
    before = stored(engine)
    with crowded(budget):
        answer = ask(client)
    assert (answer.status_code, answer.get_json()["error"]) == (503, "too_busy")
    assert int(answer.headers["Retry-After"]) > 0
    word = {CONVERSIONS: "converts", PROOFS: "images", STRETCHES: "passwords"}[budget]
    assert word in answer.get_json()["message"]
    assert stored(engine) == before
    assert ask(client).status_code == status


@pytest.mark.parametrize("name", ["a conversion that counts", "a login"])
def test_whoever_waits_too_long_is_told_so(
    client: FlaskClient, engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    budget, status, prepare = asks(name)
    ask = prepare(client)
    before = stored(engine)
    monkeypatch.setattr(budget, "patience", 0.05)
    with busy(budget):
        assert ask(client).get_json()["error"] == "too_busy"
        assert budget.queued == 0
    assert stored(engine) == before
    assert ask(client).status_code == status


@pytest.mark.parametrize("name", NAMES)
def test_the_rest_of_the_server_goes_on_meanwhile(client: FlaskClient, name: str) -> None:
    budget, _, _ = asks(name)
    with crowded(budget):
        link = deposit(client)
        assert client.get(f"/image/{link}").data == FLOWER
        assert client.get(f"/image/{link}.jpg?width=9999").data == FLOWER, "nothing to convert"
        assert client.head(f"/image/{link}.png").status_code == 200
        assert client.get("/healthz").status_code == 200


class Stretches:
    """Watches Argon2id at work: how often it ran, how many at once, and how many connections its thread held."""

    def __init__(self, app: Mayfly, monkeypatch: pytest.MonkeyPatch) -> None:
        event.listen(app.shards.home.engine, "checkout", lambda *_: self._note(1))
        event.listen(app.shards.home.engine, "checkin", lambda *_: self._note(-1))
        self._mine = threading.local()
        self.runs = self.now = self.most = self.connections = 0
        self._lock = threading.Lock()
        original: Callable[..., bytes] = passwords.__dict__["hash_secret_raw"]

        def stretch(*given: Any) -> bytes:
            with self:
                return original(*given)

        class Watched(PasswordHasher):
            def verify(other, *given: Any) -> Any:  # noqa: N805
                with self:
                    return super().verify(*given)

            def hash(other, *given: Any, **named: Any) -> str:  # noqa: N805
                with self:
                    return super().hash(*given, **named)

        monkeypatch.setattr(passwords, "hash_secret_raw", stretch)
        costs = (passwords.TIME_COST, passwords.MEMORY_KIB, passwords.LANES)
        monkeypatch.setattr(login_passwords, "_HASHER", Watched(*costs))

    def _note(self, change: int) -> None:
        self._mine.held = getattr(self._mine, "held", 0) + change

    def __enter__(self) -> None:
        with self._lock:
            self.runs += 1
            self.now += 1
            self.most = max(self.most, self.now)
            self.connections = max(self.connections, getattr(self._mine, "held", 0))

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


@pytest.mark.parametrize("name", [name for name in NAMES if asks(name)[0] is STRETCHES])
def test_a_password_is_stretched_in_its_turn_and_with_no_connection(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    app = make_app(threads=16)
    watched = Stretches(app, monkeypatch)
    _, status, prepare = asks(name)
    ask = prepare(app.test_client())
    alone = watched.runs
    with ThreadPoolExecutor(8) as clients:
        statuses = {
            each.result(60).status_code for each in [clients.submit(ask, app.test_client()) for _ in range(8)]
        }
    assert watched.runs > alone
    assert watched.most == STRETCHES.units
    assert watched.connections == 0
    assert status in statuses
    assert statuses <= {status, 401, 404, 409, 429}


def test_a_password_is_stretched_once_however_often_its_request_waits(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    link = deposit(app.test_client(), password=PASSWORD)
    watched = Stretches(app, monkeypatch)

    def ask() -> TestResponse:
        return app.test_client().post(f"/image/{link}.png?width=9", auth=basic())

    with ThreadPoolExecutor(1) as others, busy(CONVERSIONS):
        asked = others.submit(ask)
        assert until(lambda: CONVERSIONS.queued == 1)
        assert (watched.runs, STRETCHES.taken) == (1, 0), "it has its password, and nobody waits for its turn"
        CONVERSIONS.give_back(CONVERSIONS.units)
        assert asked.result(60).status_code == 200
        assert until(lambda: CONVERSIONS.take(CONVERSIONS.units))
    assert watched.runs == 1


def test_nobody_s_login_waits_and_is_refused_as_somebody_s(client: FlaskClient) -> None:
    register(client)
    with crowded(STRETCHES):
        answers = [_login_of(login)(client) for login in ("alice", "nobody")]
    assert answers[0].data == answers[1].data
    assert answers[0].status_code == 503


def test_no_request_that_has_a_turn_waits_for_a_sandbox() -> None:
    assert CONVERSIONS.units <= conversion.MOST_SANDBOXES
    assert PROOFS.units <= examination.MOST_SANDBOXES


def test_of_a_flood_as_many_get_their_turn_as_may_wait(make_app: MakeApp) -> None:
    app = make_app(threads=8)
    link = deposit(app.test_client())
    clients = CONVERSIONS.units + 4 + 20
    with ThreadPoolExecutor(clients) as pool, busy(CONVERSIONS):
        asked = [pool.submit(app.test_client().get, f"/image/{link}.png") for _ in range(clients)]
        assert until(lambda: sum(each.done() for each in asked) == clients - 4), (
            "the others are answered at once"
        )
        assert {each.result().status_code for each in asked if each.done()} == {503}
        CONVERSIONS.give_back(CONVERSIONS.units)
        assert sum(each.result(60).status_code == 200 for each in asked) == 4
        assert until(lambda: CONVERSIONS.take(CONVERSIONS.units))


def test_a_turn_is_given_back_by_whoever_has_to_wait_for_something_else() -> None:
    first, second = Budget(1, waiting=1), Budget(1, waiting=1)
    assert second.take(1)
    with Allowance().current(), pytest.raises(Later) as later, turn(first), turn(second):
        pass
    assert later.value.budget is second
    assert first.taken == 0


def test_a_request_that_waited_in_vain_is_refused_in_its_next_run() -> None:
    budget, allowance = Budget(1, waiting=1, busy="The oven is full"), Allowance()
    assert budget.take(1)
    with pytest.raises(Later):
        allowance.hold(budget, 1)
    allowance.refuse(budget)
    with pytest.raises(Overloaded, match="The oven is full; try again"):
        allowance.hold(budget, 1)


def test_what_is_made_once_is_made_once_a_request() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    with Allowance().current():
        assert [once("name", make), once("name", make), once("other", make)] == [0, 0, 1]
    with Allowance().current():
        assert once("name", make) == 2
    assert [once("name", make), once("name", make)] == [3, 4], "outside of a request"
