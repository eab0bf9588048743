"""Who may do what: every route by six callers, one row each. A route without its row fails the first test."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import Mayfly
from crypto import Claims, ServerKeys, issue_token
from tests.cast import FLOWER, PASSWORD, SERVER_KEY, register, told
from tests.conftest import MakeApp

CALLERS = ("owner", "other account", "link", "image key", "nobody", "expired token")
"""The owner and whose token is over know every secret; another account and nobody know none of them."""

TABLE = {
    # method, route:                       owner other link  key nobody expired
    ("GET", "/"):                         (200, 200, 200, 200, 200, 200),
    ("GET", "/api/images/<link>"):        (200, 404, 200, 404, 404, 401),
    ("POST", "/api/images/<link>"):       (200, 404, 200, 404, 404, 401),
    ("POST", "/api/images"):              (201, 201, 401, 401, 401, 401),
    ("GET", "/api/login"):                (200, 200, 401, 401, 401, 200),
    ("POST", "/api/login"):               (200, 200, 401, 401, 401, 200),
    ("GET", "/api/me"):                   (200, 200, 401, 401, 401, 401),
    ("DELETE", "/api/me"):                (200, 200, 401, 401, 401, 401),
    ("GET", "/api/me/keys"):              (200, 200, 401, 401, 401, 401),
    ("POST", "/api/me/keys"):             (201, 201, 401, 401, 401, 401),
    ("DELETE", "/api/me/keys/<key_id>"):  (200, 404, 401, 401, 401, 401),
    ("PUT", "/api/me/password"):          (200, 200, 401, 401, 401, 401),
    ("POST", "/api/registration"):        (201, 201, 201, 201, 201, 201),
    ("GET", "/.well-known/security.txt"): (404, 404, 404, 404, 404, 404),
    ("GET", "/cleanup"):                  (200, 200, 200, 200, 200, 200),
    ("POST", "/cleanup"):                 (200, 200, 200, 200, 200, 200),
    ("GET", "/docs"):                     (200, 200, 200, 200, 200, 200),
    ("GET", "/healthz"):                  (200, 200, 200, 200, 200, 200),
    ("GET", "/image/<first:name>"):       (200, 404, 200, 404, 404, 401),
    ("POST", "/image/<first:name>"):      (200, 404, 200, 404, 404, 401),
    ("GET", "/images"):                   (200, 200, 401, 401, 401, 401),
    ("GET", "/images/"):                  (200, 200, 401, 401, 401, 401),
    ("GET", "/images/<image_key>"):       (200, 404, 404, 200, 404, 401),
    ("DELETE", "/images/<image_key>"):    (200, 404, 404, 200, 404, 401),
    ("POST", "/images/upload"):           (201, 201, 201, 201, 201, 401),
    ("GET", "/icons/<name>"):             (200, 200, 200, 200, 200, 200),
    ("GET", "/manifest.webmanifest"):     (200, 200, 200, 200, 200, 200),
    ("GET", "/openapi.json"):             (200, 200, 200, 200, 200, 200),
    ("GET", "/readyz"):                   (200, 200, 200, 200, 200, 200),
    # What stands in the body of a page's form is all that counts there.
    ("GET", "/s"):                        (200, 200, 200, 200, 200, 200),
    ("POST", "/s"):                       (200, 404, 200, 404, 404, 200),
    ("POST", "/s/open"):                  (200, 404, 200, 404, 404, 200),
    ("POST", "/s/qr"):                    (200, 200, 200, 200, 200, 200),
    ("POST", "/s/delete"):                (200, 404, 404, 200, 404, 200),
    ("POST", "/s/receipts"):              (200, 200, 200, 200, 200, 200),
    ("GET", "/sharex.sxcu"):              (200, 200, 200, 200, 200, 200),
    ("GET", "/static/<version>/<path:name>"):  (200, 200, 200, 200, 200, 200),
    ("POST", "/"):                        (201, 201, 201, 201, 201, 401),
    ("PUT", "/"):                         (201, 201, 201, 201, 201, 401),
    ("GET", "/favicon.ico"):              (200, 200, 200, 200, 200, 200),
    ("GET", "/robots.txt"):               (200, 200, 200, 200, 200, 200),
    ("POST", "/upload"):                  (201, 201, 201, 201, 201, 401),
    ("PUT", "/<anything:filename>"):      (201, 201, 201, 201, 201, 401),
}  # fmt: skip
BY_MODEL = {
    ("GET", "/image/chair"):              (200, 404, 404, 404, 404, 401),
    ("POST", "/image/chair"):             (200, 404, 404, 404, 404, 401),
    ("GET", "/images?model_id=chair"):    (200, 200, 401, 401, 401, 401),
}  # fmt: skip
OPEN_CATALOG = {
    # Alice's image stays hers; who has no account meets the catalog of those without one.
    ("GET", "/images"):                   (200, 200, 200, 200, 200, 401),
    ("GET", "/image/chair"):              (200, 404, 404, 404, 404, 401),
    ("GET", "/api/me"):                   (200, 200, 401, 401, 401, 401),
    ("POST", "/api/images"):              (201, 201, 401, 401, 401, 401),
    ("POST", "/upload"):                  (201, 201, 201, 201, 201, 401),
}  # fmt: skip
ALICES = "only alice may read this"
NO_SECRET = "x" * 32


@dataclass
class Caller:
    """What somebody sends: a header, what they put where a secret stands, and the login they know."""

    header: dict[str, str]
    link: str = NO_SECRET
    image_key: str = NO_SECRET
    login: str = field(default_factory=token_hex)
    key_id: str = NO_SECRET


@pytest.fixture
def app(make_app: MakeApp, request: pytest.FixtureRequest) -> Mayfly:
    return make_app(open_catalog=getattr(request, "param", False))


@dataclass
class People:
    """Alice, who has an account and an image, and Charlie, who has an account."""

    client: FlaskClient
    alice: dict[str, str]
    charlie: dict[str, str]
    over: str

    def caller(self, name: str) -> Caller:
        """One of the callers, at a fresh image of Alice's."""
        image = told(self.client, self.alice, description=ALICES, model_id="chair")
        link, key = image["hash"], image["image_key"]
        key_id = self.client.post("/api/me/keys", json={"name": ALICES}, headers=self.alice).get_json()["id"]
        return {
            "owner": Caller(self.alice, link, key, "alice", key_id),
            "other account": Caller(self.charlie, login="charlie", key_id=key_id),
            "link": Caller({}, link, link),
            "image key": Caller({}, key, key),
            "nobody": Caller({}),
            "expired token": Caller({"Authorization": self.over}, link, key, "alice", key_id),
        }[name]


@pytest.fixture
def people(client: FlaskClient) -> People:
    alice, charlie = register(client, "alice"), register(client, "charlie")
    me = client.get("/api/me", headers=alice).get_json()["id"]
    return People(client, alice, charlie, issue_token(ServerKeys.parse([SERVER_KEY]), Claims(me, 0, 1), at=0))


def ask(client: FlaskClient, method: str, route: str, caller: Caller) -> TestResponse:
    path = route.replace("<version>/<path:name>", "0/docs.css").replace("/icons/<name>", "/icons/192.png")
    path = path.replace("<link>", caller.link).replace("<first:name>", caller.link)
    path = (
        path.replace("<key_id>", caller.key_id)
        .replace("<image_key>", caller.image_key)
        .replace("<anything:filename>", "a.jpg")
    )
    answer = client.open(path, method=method, headers=caller.header, **body(method, route, caller))
    answer.get_data()
    answer.close()
    return answer


def body(method: str, route: str, caller: Caller) -> dict[str, Any]:
    if (method == "POST" and route in {"/", "/upload", "/images/upload"}) or (
        method == "PUT" and route in {"/", "/<anything:filename>"}
    ):
        return {"data": FLOWER}
    forms = {
        "/s": {"link": caller.link},
        "/s/open": {"link": caller.link},
        "/s/qr": {"link": caller.link},
        "/s/delete": {"image_key": caller.image_key},
        "/s/receipts": {"image_keys": caller.image_key},
    }
    if method == "POST" and route in forms:
        return {"data": forms[route]}
    bodies: dict[str, dict[str, str]] = {
        "/api/images": {"data": b64encode(FLOWER).decode()},
        "/api/login": {"login": caller.login, "password": PASSWORD},
        "/api/me/keys": {"name": "nightly"},
        "/api/me/password": {"password": PASSWORD, "new_password": "another horse"},
        "/api/registration": {"login": (new := token_hex(8)), "email": f"{new}@b.org", "password": PASSWORD},
    }
    return {"json": bodies[route]} if route in bodies else {}


def test_every_route_has_its_row(app: Mayfly) -> None:
    rules = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert rules == set(TABLE)


def check(client: FlaskClient, key: tuple[str, str], name: str, caller: Caller, expected: int) -> None:
    method, route = key
    if method == "GET":
        assert ask(client, "HEAD", route, caller).status_code == expected
    answer = ask(client, method, route, caller)
    assert answer.status_code == expected, answer.text
    if name in {"other account", "nobody"} or expected >= 400:
        uploaded = method in {"POST", "PUT"} and expected == 201
        assert FLOWER not in answer.data
        assert uploaded or ALICES.encode() not in answer.data
    if expected == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def check_row(people: People, key: tuple[str, str], row: tuple[int, ...]) -> None:
    for name, expected in reversed(
        list(zip(CALLERS, row, strict=True))
    ):  # the owner last, who may end the account
        check(people.client, key, name, people.caller(name), expected)


@pytest.mark.parametrize("key", TABLE | BY_MODEL, ids=" ".join)
def test_ownership(people: People, key: tuple[str, str]) -> None:
    check_row(people, key, (TABLE | BY_MODEL)[key])


@pytest.mark.parametrize("app", [True], indirect=True, ids=["open catalog"])
@pytest.mark.parametrize("key", OPEN_CATALOG, ids=" ".join)
def test_ownership_with_an_open_catalog(people: People, key: tuple[str, str]) -> None:
    check_row(people, key, OPEN_CATALOG[key])


def test_what_others_do_leaves_the_owner_s_image_alone(people: People) -> None:
    owner = people.caller("owner")
    for name in ("other account", "link", "nobody", "expired token"):
        caller = people.caller(name)
        if name in {"link", "expired token"}:
            caller.link, caller.image_key = owner.link, owner.link
        for method, route in TABLE:
            if (method, route) != ("DELETE", "/api/me") or name != "other account":
                ask(people.client, method, route, caller)
    assert people.client.get(f"/images/{owner.image_key}").get_json()["description"] == ALICES
    assert people.client.get(f"/image/{owner.link}").status_code == 200
