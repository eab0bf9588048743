"""API keys: made, used in place of a token, listed and revoked; what they are not good for, and when they end."""

from __future__ import annotations

import io
from base64 import b64encode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import Mayfly
from services import api_keys as service
from tests.cast import FLOWER, PASSWORD, SERVER_KEY, log_in, register
from tests.conftest import MakeApp

OLD, NEW = SERVER_KEY, urlsafe_b64encode(b"n" * 32).decode()


def refused(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.get_json()["error"]) == (status, code), answer.text
    return str(answer.get_json()["message"])


def make(client: FlaskClient, token: dict[str, str], name: str = "nightly") -> dict[str, Any]:
    answer = client.post("/api/me/keys", json={"name": name}, headers=token)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def by(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def names(client: FlaskClient, token: dict[str, str]) -> list[str]:
    return [key["name"] for key in client.get("/api/me/keys", headers=token).get_json()["data"]]


def rows(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT * FROM api_keys")))


@pytest.fixture
def alice(client: FlaskClient) -> dict[str, str]:
    return register(client)


def test_it_is_shown_once(client: FlaskClient, alice: dict[str, str]) -> None:
    answer = client.post("/api/me/keys", json={"name": "näächtlich ✓"}, headers=alice)
    made = answer.get_json()
    assert set(made) == {"id", "name", "created_at", "used_on", "key"}
    assert len(made["key"]) == 39
    assert made["key"].startswith("mayfly_")
    listed = client.get("/api/me/keys", headers=alice)
    assert listed.get_json()["data"] == [{name: value for name, value in made.items() if name != "key"}]
    assert {answer.headers["Cache-Control"], listed.headers["Cache-Control"]} == {"no-store"}


def test_it_is_good_wherever_a_token_is(client: FlaskClient, alice: dict[str, str]) -> None:
    key = make(client, alice)["key"]
    for header in (by(key), {"Authorization": key}):
        sent = {"file": (io.BytesIO(FLOWER), "cat.jpg"), "model_id": "cat"}
        image = client.post("/upload", data=sent, headers=header).get_json()
        stored = client.post("/api/images", json={"data": b64encode(FLOWER).decode()}, headers=header)
        assert stored.status_code == 201
        assert len(client.get("/images", headers=header).get_json()["data"]) == 2
        assert len(client.get("/api/me", headers=header).get_json()["images"]) == 2
        assert client.get("/image/cat", headers=header).data == FLOWER
        assert client.get("/images", headers=alice).get_json()["data"][1]["image_id"] == image["hash"]
        for one in client.get("/images", headers=header).get_json()["data"]:
            assert client.delete(f"/images/{one['image_key']}", headers=header).status_code == 200
    assert client.delete("/api/me", headers=by(key)).status_code == 200
    refused(client.get("/api/me", headers=by(key)), 401, "token_refused")


def test_it_is_not_good_for_passwords_and_keys(client: FlaskClient, alice: dict[str, str]) -> None:
    made = make(client, alice)
    header = by(made["key"])
    change = {"password": PASSWORD, "new_password": "another horse"}
    for answer in (
        client.put("/api/me/password", json=change, headers=header),
        client.post("/api/me/keys", json={"name": "more"}, headers=header),
        client.get("/api/me/keys", headers=header),
        client.delete(f"/api/me/keys/{made['id']}", headers=header),
    ):
        assert "/api/login" in refused(answer, 403, "key_not_enough")
    assert names(client, alice) == ["nightly"]
    log_in(client)


@pytest.mark.parametrize(
    "key", ["mayfly_", "mayfly_" + "x" * 31, "mayfly_" + "x" * 32, "mayfly_" + "ü" * 32, "MAYFLY_" + "x" * 32]
)
def test_one_that_nobody_made_is_refused(client: FlaskClient, alice: dict[str, str], key: str) -> None:
    make(client, alice)
    for header in (by(key), {"Authorization": key}):
        refused(client.get("/api/me", headers=header), 401, "token_refused")


def test_a_revoked_one_is_no_good_and_the_others_are(client: FlaskClient, alice: dict[str, str]) -> None:
    first, second = make(client, alice, "first"), make(client, alice, "second")
    assert client.delete(f"/api/me/keys/{first['id']}", headers=alice).status_code == 200
    refused(client.get("/api/me", headers=by(first["key"])), 401, "token_refused")
    assert client.get("/api/me", headers=by(second["key"])).status_code == 200
    assert names(client, alice) == ["second"]
    refused(client.delete(f"/api/me/keys/{first['id']}", headers=alice), 404, "not_found")


def test_another_account_can_neither_see_nor_revoke_it(client: FlaskClient, alice: dict[str, str]) -> None:
    made, charlie = make(client, alice), register(client, "charlie")
    assert names(client, charlie) == []
    for key_id in (made["id"], uuid4(), "no-id"):
        refused(client.delete(f"/api/me/keys/{key_id}", headers=charlie), 404, "not_found")
    assert client.get("/api/me", headers=by(made["key"])).get_json()["login"] == "alice"


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb", "a\0b", "\u202eab", "\ud800", None, 1])
def test_a_bad_name_is_refused(client: FlaskClient, alice: dict[str, str], name: object) -> None:
    refused(client.post("/api/me/keys", json={"name": name}, headers=alice), 400, "bad_name")
    refused(client.post("/api/me/keys", json={}, headers=alice), 400, "bad_name")


def test_an_account_has_so_many_and_no_more_however_many_ask_at_once(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_KEYS", 5)
    app = make_app(threads=8)
    token = register(app.test_client())

    def ask(number: int) -> int:
        wish = {"name": f"key {number}"}
        return app.test_client().post("/api/me/keys", json=wish, headers=token).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(16)))
    assert sorted(statuses) == [201] * 5 + [409] * 11
    client = app.test_client()
    assert "5" in refused(
        client.post("/api/me/keys", json={"name": "x"}, headers=token), 409, "too_many_keys"
    )
    first = client.get("/api/me/keys", headers=token).get_json()["data"][0]["id"]
    client.delete(f"/api/me/keys/{first}", headers=token)
    make(client, token)


def test_the_day_of_its_last_use_is_told_and_written_once_a_day(
    client: FlaskClient, alice: dict[str, str], engine: Engine
) -> None:
    key = make(client, alice)["key"]
    before = datetime.now(UTC).date()
    client.get("/api/me", headers=by(key))
    used = client.get("/api/me/keys", headers=alice).get_json()["data"][0]["used_on"]
    assert before <= datetime.fromisoformat(used).date() <= datetime.now(UTC).date()

    def version() -> object:
        with engine.connect() as connection:
            return connection.execute(text("SELECT xmin FROM api_keys")).scalar_one()

    written = version()
    client.get("/api/me", headers=by(key))
    assert version() == written
    with engine.begin() as connection:
        connection.execute(text("UPDATE api_keys SET used_on = '2020-01-01'"))
    client.get("/api/me", headers=by(key))
    assert client.get("/api/me/keys", headers=alice).get_json()["data"][0]["used_on"] >= used


def test_a_change_of_the_password_ends_every_key(
    client: FlaskClient, alice: dict[str, str], engine: Engine
) -> None:
    key = make(client, alice)["key"]
    change = {"password": PASSWORD, "new_password": "another horse"}
    token = client.put("/api/me/password", json=change, headers=alice).get_json()
    refused(client.get("/api/me", headers=by(key)), 401, "token_refused")
    assert names(client, token) == []
    make(client, token, "after")
    assert len(rows(engine)) == 1, "those that ended go with the next one"
    refused(client.post("/api/me/keys", json={"name": "late"}, headers=alice), 401, "token_refused")


def test_the_end_of_the_account_ends_them(client: FlaskClient, alice: dict[str, str], engine: Engine) -> None:
    key = make(client, alice)["key"]
    client.delete("/api/me", headers=alice)
    refused(client.get("/api/me", headers=by(key)), 401, "token_refused")
    assert rows(engine) == []


def test_the_database_holds_neither_the_key_nor_its_name(
    client: FlaskClient, alice: dict[str, str], engine: Engine
) -> None:
    key = make(client, alice, "the nightly job")["key"]
    stored = repr(rows(engine)) + repr([bytes(value).hex() for row in rows(engine) for value in row[2:4]])
    for secret in (key, key[7:], "nightly", key.encode().hex(), b"nightly".hex()):
        assert secret not in stored


def test_a_key_that_somebody_moved_to_another_account_is_no_good(
    client: FlaskClient, alice: dict[str, str], engine: Engine
) -> None:
    """Whoever may write to the database and has an account gets no other account by it."""
    charlie = register(client, "charlie")
    key = make(client, charlie)["key"]
    me = client.get("/api/me", headers=alice).get_json()["id"]
    with engine.begin() as connection:
        connection.execute(text("UPDATE api_keys SET owner_id = :me"), {"me": me})
    refused(client.get("/api/me", headers=by(key)), 401, "token_refused")
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM api_keys"))
    mine, others = make(client, alice), make(client, charlie)
    hers = "(SELECT sealed FROM api_keys WHERE owner_id = :me)"
    swap = f"UPDATE api_keys SET sealed = {hers}, owner_id = :me WHERE id = :id"
    with engine.begin() as connection:
        connection.execute(text(swap), {"me": me, "id": others["id"]})
    refused(client.get("/api/me", headers=by(others["key"])), 401, "token_refused")
    assert client.get("/api/me", headers=by(mine["key"])).status_code == 200


def test_it_outlives_the_server_key_that_it_was_made_under(make_app: MakeApp) -> None:
    old = make_app(secret_keys=(OLD,)).test_client()
    key = make(old, register(old))["key"]
    both = make_app(secret_keys=(NEW, OLD))
    assert both.test_client().get("/api/me", headers=by(key)).status_code == 200
    new = make_app(secret_keys=(NEW,)).test_client()
    refused(new.get("/api/me", headers=by(key)), 401, "token_refused")
    ran = both.test_cli_runner().invoke(args=["renew-accounts"])
    assert ran.output == "renewed accounts: 1, API keys: 1\n"
    assert new.get("/api/me", headers=by(key)).get_json()["login"] == "alice"
    assert names(new, log_in(new)) == ["nightly"]


def test_with_accounts_alone_a_key_uploads(make_app: MakeApp) -> None:
    client = make_app(uploads="account").test_client()
    key = make(client, register(client))["key"]
    assert client.put("/cat.jpg", data=FLOWER, headers=by(key)).status_code == 201


def test_nobody_without_an_account_makes_one(app: Mayfly) -> None:
    client = app.test_client()
    for answer in (
        client.post("/api/me/keys", json={"name": "x"}),
        client.get("/api/me/keys"),
        client.delete(f"/api/me/keys/{uuid4()}"),
    ):
        refused(answer, 401, "account_asked")
