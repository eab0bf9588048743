"""How often one client may do something, and all clients together; and what the answer says."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app import Mayfly
from environment import RATE_LIMITS
from services import TooManyRequests
from tests.cast import FLOWER, deposit
from tests.conftest import MakeApp
from units import Rate, RateLimit
from web.request.counters import Counters
from web.request.limits import DOING, Limiter

LIMIT = 3
NOWHERE = "x" * 32
ACCOUNT = {"login": "ada", "email": "ada@example.org", "password": "correct horse"}
Request = Callable[[FlaskClient, str], TestResponse]


def at(client: FlaskClient, path: str, address: str, method: str = "GET", **more: Any) -> TestResponse:
    return client.open(path, method=method, environ_base={"REMOTE_ADDR": address}, **more)


def asks(method: str, path: str, **more: Any) -> Request:
    return lambda client, address: at(client, path, address, method, **more)


def form(field: str) -> dict[str, Any]:
    return {"data": {"file": (io.BytesIO(field.encode()), "a.jpg")}}


LIMITED: dict[str, list[Request]] = {
    "uploads": [
        asks("PUT", "/cat.jpg", data=FLOWER),
        asks("PUT", "/", data=FLOWER),
        asks("POST", "/upload", data=FLOWER),
        asks("POST", "/images/upload", data=FLOWER),
        asks("POST", "/", data=FLOWER),
        asks("POST", "/api/images", json={"data": "x"}),
    ],
    "opens": [
        asks("GET", f"/image/{NOWHERE}"),
        asks("HEAD", f"/image/{NOWHERE}"),
        asks("POST", f"/image/{NOWHERE}"),
        asks("GET", f"/api/images/{NOWHERE}"),
        asks("POST", f"/api/images/{NOWHERE}"),
        asks("GET", f"/images/{NOWHERE}"),
        asks("POST", "/s", data={"link": NOWHERE}),
        asks("POST", "/s/open", data={"link": NOWHERE}),
    ],
    "conversions": [
        asks("GET", f"/image/{NOWHERE}.png"),
        asks("POST", f"/image/{NOWHERE}?width=10"),
    ],
    "logins": [
        asks("POST", "/api/login", json=ACCOUNT | {"email": None}),
        asks("PUT", "/api/me/password", json={}),
    ],
    "registrations": [asks("POST", "/api/registration", json={})],
    "cleanup": [asks("GET", "/cleanup"), asks("POST", "/cleanup")],
    "receipts": [asks("POST", "/s/receipts", data={"image_keys": NOWHERE})],
}
EACH = [
    pytest.param(name, request, id=f"{name} {number}")
    for name, requests in LIMITED.items()
    for number, request in enumerate(requests)
]


def rates(name: str, by_client: int | None, in_all: int | None) -> dict[str, RateLimit]:
    one, all_of_them = (None if amount is None else Rate(amount, 60) for amount in (by_client, in_all))
    return {name: RateLimit(one, all_of_them)}


def test_every_limit_has_its_words_and_its_figures() -> None:
    assert list(RATE_LIMITS) == list(DOING)
    assert {*LIMITED, "passwords"} == set(RATE_LIMITS)


@pytest.mark.parametrize(("name", "request_it"), EACH)
def test_a_client_is_refused_beyond_its_rate_and_no_other_is(
    make_app: MakeApp, name: str, request_it: Request
) -> None:
    client = make_app(rate_limits=rates(name, LIMIT, None)).test_client()
    for left in range(LIMIT - 1, -1, -1):
        answer = request_it(client, "192.0.2.1")
        assert answer.status_code != 429
        assert answer.headers["RateLimit-Policy"] == f'"{name}";q={LIMIT};w=60'
        assert re.fullmatch(f'"{name}";r={left};t=(60|[1-5]?[0-9])', answer.headers["RateLimit"])
    refused = request_it(client, "192.0.2.1")
    assert refused.status_code == 429
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 60
    assert refused.headers["RateLimit"] == f'"{name}";r=0;t={seconds}'
    if refused.data:
        assert refused.get_json()["error"] == "too_many_requests"
        assert f"try again in {seconds} seconds" in refused.get_json()["message"]
    assert request_it(client, "192.0.2.2").status_code != 429


@pytest.mark.parametrize("name", LIMITED)
def test_all_clients_together_are_refused_beyond_the_rate_in_all(make_app: MakeApp, name: str) -> None:
    client = make_app(rate_limits=rates(name, 2, LIMIT)).test_client()
    request_it = LIMITED[name][0]
    # What one client is refused counts for nobody else.
    told = [request_it(client, "192.0.2.1").status_code == 429 for _ in range(6)]
    assert told == [False, False, True, True, True, True]
    assert request_it(client, "192.0.2.2").status_code != 429
    refused = request_it(client, "192.0.2.3")
    assert refused.status_code == 429
    assert refused.headers["RateLimit-Policy"].endswith(f'"{name}-in-all";q={LIMIT};w=60')
    assert refused.headers["RateLimit"].endswith(f'"{name}-in-all";r=0;t={refused.headers["Retry-After"]}')


def test_a_refused_upload_stores_nothing(make_app: MakeApp, engine: Engine) -> None:
    client = make_app(rate_limits=rates("uploads", 1, None)).test_client()
    told = [client.put("/cat.jpg", data=FLOWER).status_code for _ in range(4)]
    assert told == [201, 429, 429, 429]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM images")).scalar_one() == 1


def test_what_all_have_used_up_takes_nothing_from_what_one_client_may_do() -> None:
    limits = {"opens": RateLimit(Rate(LIMIT, 60), Rate(1, 60))}
    limiter = Limiter(
        limits, Counters(), lambda client, purpose: f"{client}{purpose}".encode().rjust(8)[::-1]
    )
    limiter.take("opens", "192.0.2.1")
    windows = [limiter.take("opens", "192.0.2.2")[0][1] for _ in range(2 * LIMIT)]
    assert all(window.admitted for window in windows)


@pytest.mark.parametrize("path", ["/", "/s", "/healthz", "/readyz", "/openapi.json", "/docs", "/robots.txt"])
def test_pages_and_health_are_not_limited(make_app: MakeApp, path: str) -> None:
    none = {name: RateLimit(Rate(1, 60), Rate(1, 60)) for name in RATE_LIMITS}
    client = make_app(rate_limits=none).test_client()
    for _ in range(3):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "RateLimit" not in answer.headers


@pytest.mark.parametrize(
    ("seconds", "words", "on_page"),
    [(119, "119 seconds", "119 seconds"), (120, "2 minutes", "2 minutes"), (3541, "60 minutes", "1 hour")],
)
def test_long_waits_are_told_in_minutes_and_retry_after_in_seconds(
    app: Mayfly, seconds: int, words: str, on_page: str
) -> None:
    def refused(accept: str) -> Response:
        with app.test_request_context(headers={"Accept": accept}):
            error = TooManyRequests("uploads", "uploads", seconds, in_all=False)
            return app.make_response(app.handle_user_exception(error))

    answer = refused("application/json")
    assert answer.headers["Retry-After"] == str(seconds)
    assert answer.get_json()["message"].endswith(f"try again in {words}.")
    assert f"Try again in {on_page}." in refused("text/html").get_data(as_text=True)


def test_text_and_page_say_when_to_come_back(make_app: MakeApp) -> None:
    client = make_app(rate_limits=rates("opens", 1, None)).test_client()
    client.get(f"/image/{NOWHERE}")
    plain = client.get(f"/image/{NOWHERE}", headers={"Accept": "text/plain"})
    assert plain.text.endswith(f"try again in {plain.headers['Retry-After']} seconds.\n")
    for language, words in (("en", "Try again in 1 minute."), ("de", "Versuch es in 1 Minute wieder.")):
        page = client.get(f"/image/{NOWHERE}", headers={"Accept": "text/html", "Accept-Language": language})
        assert page.status_code == 429
        assert page.headers["Retry-After"] != "60" or words in page.text
        assert f"{page.headers['Retry-After']} " in page.text or words in page.text


def test_only_wrong_passwords_count_as_such(make_app: MakeApp) -> None:
    client = make_app(rate_limits=rates("passwords", 2, None)).test_client()
    link, other = (deposit(client, password="right") for _ in range(2))
    opened, one = f"/image/{link}", "192.0.2.1"
    for _ in range(4):
        assert at(client, opened, one, "POST", data={"password": "right"}).status_code == 200
        assert at(client, opened, one, "POST").status_code == 401
        assert at(client, f"/image/{NOWHERE}", one, "POST", data={"password": "x"}).status_code == 404
    wrong = [at(client, opened, one, "POST", data={"password": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in wrong] == [403, 403, 429]
    assert wrong[2].get_json()["error"] == "too_many_requests"
    again = at(client, f"/image/{other}", one, "POST", data={"password": "right"})
    assert again.status_code == 429
    for path in ("/s/open", f"/api/images/{other}"):
        data = {"password": "right"} | ({"link": other} if path == "/s/open" else {})
        assert at(client, path, one, "POST", data=data).status_code == 429
    assert at(client, opened, "192.0.2.2", "POST", data={"password": "right"}).status_code == 200


def test_all_clients_together_may_try_so_many_wrong_passwords(make_app: MakeApp) -> None:
    client = make_app(rate_limits=rates("passwords", 2, LIMIT)).test_client()
    link = deposit(client, password="right")

    def tried(last: int, password: str) -> TestResponse:
        return at(client, f"/image/{link}", f"192.0.2.{last}", "POST", data={"password": password})

    # Right ones count for nobody, nor does in all what one client is refused.
    assert [tried(9, "right").status_code for _ in range(2 * LIMIT)] == [200] * 2 * LIMIT
    assert [tried(1, "x").status_code for _ in range(6)] == [403, 403, 429, 429, 429, 429]
    assert tried(9, "right").status_code == 200
    assert tried(2, "x").status_code == 403
    for password in ("x", "right"):
        refused = tried(3, password)
        assert (refused.status_code, refused.get_json()["error"]) == (429, "too_many_requests")
        assert refused.headers["RateLimit-Policy"].endswith(f'"passwords-in-all";q={LIMIT};w=60')
        assert refused.headers["RateLimit"].endswith(
            f'"passwords-in-all";r=0;t={refused.headers["Retry-After"]}'
        )
    # Whoever tries no password is not refused.
    assert tried(3, "").status_code == 401


def test_a_conversion_counts_as_an_open_too(make_app: MakeApp) -> None:
    limits = rates("opens", 9, 9) | rates("conversions", 8, 8)
    client = make_app(rate_limits=limits).test_client()
    answer = client.get(f"/image/{NOWHERE}.png")
    assert answer.headers["RateLimit-Policy"] == '"opens";q=9;w=60, "conversions";q=8;w=60'


def test_ipv6_counts_by_the_network_of_a_household(make_app: MakeApp) -> None:
    client = make_app(rate_limits=rates("opens", 1, None)).test_client()
    addresses = [
        "2001:db8:0:1::1",
        "2001:db8:0:1:ffff::2",
        "2001:db8:0:2::1",
        "::ffff:192.0.2.1",
        "192.0.2.1",
    ]
    told = [at(client, f"/image/{NOWHERE}", address).status_code for address in addresses]
    assert told == [404, 429, 404, 404, 429]


def test_off_is_off(make_app: MakeApp) -> None:
    client = make_app(rate_limits={}).test_client()
    answer = client.get(f"/image/{NOWHERE}")
    assert "RateLimit" not in answer.headers


def test_the_refusal_names_its_limit_for_who_counts_them(make_app: MakeApp) -> None:
    assert TooManyRequests("opens-in-all", "opens", 3, in_all=True).limit == "opens-in-all"
