"""Accounts: opened, logged in to, told apart, changed and let go."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from app import Mayfly
from crypto import Claims, OwnerSeal, ServerKeys, issue_token, login_passwords, passwords
from crypto.keys import derive
from models import OPEN_CATALOG, SLOTS, ciphertexts, insert_owner
from models.image import STORED_BYTES
from services import TokenRefused, accounts
from tests.cast import PASSWORD, SERVER_KEY, log_in, register, told
from tests.conftest import MakeApp
from tests.processes import until

ALICE = {"login": "Alice", "email": "Alice@Example.org", "password": PASSWORD}
OLD, NEW = SERVER_KEY, urlsafe_b64encode(b"n" * 32).decode()


def refused(answer: Any, status: int, code: str) -> str:
    assert (answer.status_code, answer.get_json()["error"]) == (status, code), answer.text
    return str(answer.get_json()["message"])


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_registration_tells_the_account(client: FlaskClient) -> None:
    answer = client.post("/api/registration", json=ALICE)
    fields = answer.get_json()
    assert answer.status_code == 201
    assert (fields["login"], fields["email"]) == ("Alice", "Alice@example.org")
    assert str(UUID(fields["id"])) == fields["id"]
    assert datetime.fromisoformat(fields["createTime"]).utcoffset() is not None
    assert fields["createTime"].endswith("+00:00")
    assert set(fields) == {"id", "login", "email", "createTime"}


@pytest.mark.parametrize(
    "other",
    [
        {"login": "ALICE", "email": "other@example.org"},
        {"login": "alice", "email": "other@example.org"},
        {"login": "other", "email": "alice@EXAMPLE.ORG"},
        {"login": "other", "email": "ALICE@example.org"},
    ],
)
def test_login_and_email_are_unique_without_regard_to_case(
    client: FlaskClient, other: dict[str, str]
) -> None:
    client.post("/api/registration", json=ALICE)
    refused(client.post("/api/registration", json=ALICE | other), 409, "name_taken")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice@ex\u00e4mple.org", "ALICE@xn--exmple-cua.ORG"),
        ("alice@example.org", "\uff41lice@example.org"),
        ("\u00e9x@example.org", "E\u0301X@example.org"),
        ("stra\u00dfe@example.org", "STRASSE@example.org"),
        ("\u0390@example.org", "\u03aa\u0301@example.org"),
    ],
)
def test_an_address_is_the_same_however_it_is_written(client: FlaskClient, one: str, other: str) -> None:
    assert client.post("/api/registration", json=ALICE | {"email": one}).status_code == 201
    again = {"login": "other", "email": other, "password": PASSWORD}
    refused(client.post("/api/registration", json=again), 409, "name_taken")


@pytest.mark.parametrize("field", ["login", "email"])
def test_of_many_who_ask_for_a_name_at_once_one_gets_it(make_app: MakeApp, field: str) -> None:
    app = make_app(threads=8)

    def ask(number: int) -> int:
        asked = {"login": f"name{number}", "email": f"name{number}@example.org", "password": PASSWORD}
        asked[field] = ALICE[field].upper() if number % 2 else ALICE[field].lower()
        return app.test_client().post("/api/registration", json=asked).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(12)))
    assert sorted(statuses) == [201] + [409] * 11


def test_a_name_that_is_being_taken_at_this_moment_is_waited_for(client: FlaskClient, engine: Engine) -> None:
    """Two that both found the name free: the second meets the first one's row before it is committed."""
    seal = OwnerSeal(ServerKeys.parse([SERVER_KEY]))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with ThreadPoolExecutor(1) as pool, engine.connect() as connection:
        connection.execute(text("BEGIN"))
        insert_owner(
            connection, UUID(int=7), b"x", seal.login_tags("alice"), seal.email_tags("x@example.org")
        )
        second = pool.submit(client.post, "/api/registration", json=ALICE)
        with engine.connect() as other:
            assert until(lambda: other.execute(text(waiting)).scalar_one() > 0), second.result().text
        connection.execute(text("COMMIT"))
        refused(second.result(), 409, "name_taken")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("login", value)
        for value in ["", "a b", "a" * 65, "ä", "-a", "a\0", "a\n", "a@b", None, 1, ["a"], "\ud800"]
    ]
    + [
        ("email", value)
        for value in ["", "alice", "@b", "a@", "a@b@c", "a b@c.de", "a@" + "b" * 255, "a@b..c", None]
    ]
    + [("password", value) for value in ["", "five5", "x" * 1025, "secret\0", None, 123456, "secret\ud800"]],
)
def test_a_bad_field_is_named(client: FlaskClient, engine: Engine, field: str, value: object) -> None:
    message = refused(client.post("/api/registration", json=ALICE | {field: value}), 400, f"bad_{field}")
    assert message.startswith(field)
    assert message.endswith(".")
    assert count(engine, "owners") == 1


@pytest.mark.parametrize("missing", ["login", "email", "password"])
def test_a_missing_field_is_named(client: FlaskClient, missing: str) -> None:
    asked = {name: value for name, value in ALICE.items() if name != missing}
    assert "missing" in refused(client.post("/api/registration", json=asked), 400, f"bad_{missing}")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"[]", "bad_json"),
        (b'"a"', "bad_json"),
        (b"{", "bad_json"),
        (b"\xff", "bad_json"),
        (b"[" * 10_000, "bad_json"),
        (b'{"login": NaN}', "bad_json"),
        (b'{"login": "a", "login": "b"}', "repeated_field"),
        (b'{"lgoin": "a"}', "bad_login"),
        (b'{"login": "a", "email": "a@b.de", "password": "secret", "admin": true}', "unknown_field"),
    ],
)
def test_a_body_that_is_no_such_object(client: FlaskClient, body: bytes, code: str) -> None:
    refused(client.post("/api/registration", data=body), 400, code)


def test_a_body_that_is_too_large(client: FlaskClient) -> None:
    assert client.post("/api/registration", data=b" " * 20_000).status_code == 413


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("login", ["alice", "ALICE"])
def test_login_by_either_method_and_in_any_case(client: FlaskClient, method: str, login: str) -> None:
    client.post("/api/registration", json=ALICE)
    answer = client.open("/api/login", method=method, json={"login": login, "password": PASSWORD})
    token = answer.get_json()["Authorization"]
    for header in (token, f"Bearer {token}", f"bearer {token}"):
        me = client.get("/api/me", headers={"Authorization": header})
        assert (me.status_code, me.get_json()["login"]) == (200, "Alice")


def test_a_password_is_the_same_however_it_was_composed(client: FlaskClient) -> None:
    client.post("/api/registration", json=ALICE | {"password": "pass\u00e9word"})
    assert log_in(client, "alice", "passe\u0301word")


def test_a_wrong_login_and_a_wrong_password_get_one_answer(client: FlaskClient) -> None:
    register(client)
    wrong = [
        client.post("/api/login", json={"login": login, "password": password})
        for login, password in (("alice", "wrong"), ("nobody", PASSWORD), ("", ""), ("nobody", "wrong"))
    ]
    for answer in wrong:
        refused(answer, 401, "login_refused")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.data == wrong[0].data


@pytest.mark.real_costs
def test_they_also_get_it_after_the_same_work(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time itself is no test on a busy machine; what takes the time is Argon2, so its runs and costs are counted."""
    register(client)
    runs: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: Any, password: Any) -> Any:  # noqa: A002
            runs.append(str(hash).rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    costs = (passwords.TIME_COST, passwords.MEMORY_KIB, passwords.LANES)
    monkeypatch.setattr(login_passwords, "_HASHER", Counting(*costs))
    for login in ("alice", "nobody"):
        assert client.post("/api/login", json={"login": login, "password": "wrong"}).status_code == 401
    assert len(runs) == 2
    assert runs[0] == runs[1] == "$argon2id$v=19$m=32768,t=3,p=1"


def test_attempts_are_limited_alike_for_accounts_and_for_nobody(make_app: MakeApp) -> None:
    one, other = make_app().test_client(), make_app().test_client()
    register(one)
    for login in ("alice", "nobody"):
        for attempt in range(accounts.ATTEMPTS_AT_ONCE):
            client = (one, other)[attempt % 2]
            answer = client.post("/api/login", json={"login": login, "password": "wrong"})
            assert answer.status_code == 401
        for client in (one, other):
            answer = client.post("/api/login", json={"login": login.upper(), "password": PASSWORD})
            refused(answer, 429, "too_many_logins")
            assert int(answer.headers["Retry-After"]) == accounts.ATTEMPT_PAUSE_SECONDS
    register(one, "bob")


def test_after_a_pause_there_is_another_attempt_and_old_ones_are_forgotten(
    client: FlaskClient, engine: Engine
) -> None:
    register(client)
    for login in ("alice", "b", "c", "d"):
        for _ in range(accounts.ATTEMPTS_AT_ONCE):
            client.post("/api/login", json={"login": login, "password": "wrong"})
    assert count(engine, "guesses") == 4
    with engine.begin() as connection:
        connection.execute(text("UPDATE guesses SET until = until - interval '60 seconds'"))
    assert log_in(client)
    client.get("/cleanup")
    assert count(engine, "guesses") == 0


def test_nobody_locks_another_out_of_an_account(client: FlaskClient) -> None:
    register(client)

    def status(address: str, password: str) -> int:
        sent = {"login": "alice", "password": password}
        return client.post("/api/login", json=sent, environ_base={"REMOTE_ADDR": address}).status_code

    for _ in range(accounts.ATTEMPTS_AT_ONCE):
        assert status("192.0.2.1", "wrong") == 401
    assert status("192.0.2.1", PASSWORD) == 429
    assert status("192.0.2.2", PASSWORD) == 200
    assert status("2001:db8::1", PASSWORD) == 200


def test_the_right_password_is_never_too_often(client: FlaskClient) -> None:
    register(client)
    for _ in range(accounts.ATTEMPTS_AT_ONCE + 2):
        log_in(client)


@pytest.mark.real_costs
def test_a_hash_of_other_costs_is_made_anew_at_login(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    with monkeypatch.context() as cheaper:
        cheaper.setattr(login_passwords, "_HASHER", PasswordHasher(1, 8 * 1024, 1))
        asked = {"login": "alice", "email": "alice@example.org", "password": PASSWORD}
        assert app.test_client().post("/api/registration", json=asked).status_code == 201
    before = password_hash(app)
    log_in(app.test_client())
    after = password_hash(app)
    assert "m=8192,t=1" in before
    assert "m=32768,t=3" in after
    log_in(app.test_client())
    assert password_hash(app) == after


def password_hash(app: Mayfly) -> str:
    """Read the hash where it is kept: sealed in the only account there is."""
    statement = text("SELECT id, account FROM owners WHERE id <> :open_catalog")
    with app.shards.home.engine.connect() as connection:
        owner, sealed = connection.execute(statement, {"open_catalog": OPEN_CATALOG}).one()
    fields = json.loads(OwnerSeal(ServerKeys.parse([SERVER_KEY])).open_account(owner, sealed))
    return str(fields["password"])


def forged(**changes: object) -> str:
    key = derive(ServerKeys.parse([SERVER_KEY]).newest, "mayfly/v1/token")
    claims: dict[str, object] = {"sub": str(UUID(int=7)), "ver": 0, "iat": 1, "exp": 1 << 39}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, key, "HS256")


def alices(client: FlaskClient, header: dict[str, str]) -> str:
    return str(client.get("/api/me", headers=header).get_json()["id"])


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"ver": None},
        {"ver": 1},
        {"sub": "x"},
        {"sub": str(UUID(int=0))},
    ]
    + [{"exp": "never"}, {"exp": 10**30}, {"exp": -(10**30)}, {"ver": "0"}, {"ver": 2**70}],
)
def test_a_token_that_is_signed_but_no_good(client: FlaskClient, change: dict[str, object]) -> None:
    whose = alices(client, register(client))
    good = forged(sub=whose)
    assert client.get("/api/me", headers={"Authorization": good}).status_code == 200
    bad = forged(**{"sub": whose} | change)
    refused(client.get("/api/me", headers={"Authorization": bad}), 401, "token_refused")


def test_a_token_that_is_signed_otherwise(client: FlaskClient) -> None:
    whose = alices(client, register(client))
    claims = {"sub": whose, "ver": 0, "iat": 1, "exp": 1 << 39}
    key = derive(ServerKeys.parse([SERVER_KEY]).newest, "mayfly/v1/token")
    unsigned = jwt.encode(claims, None, "none")  # type: ignore[arg-type]
    for token in (
        unsigned,
        unsigned.rstrip(".") + "." + forged(sub=whose).rpartition(".")[2],
        jwt.encode(claims, key + key, "HS512"),
        jwt.encode(claims, b"k" * 32, "HS256"),
        jwt.encode(claims, ServerKeys.parse([SERVER_KEY]).newest, "HS256"),
        forged(sub=whose)[:-1],
        forged(sub=whose) + "A",
    ):
        refused(client.get("/api/me", headers={"Authorization": token}), 401, "token_refused")


@pytest.mark.parametrize(
    "header",
    ["", "x", "Bearer", "Bearer ", "Token abc", "Digest a=b", "Bearer a b", "a.b.c", "null", "x" * 5000],
)
@pytest.mark.parametrize(
    "path", ["/images", "/api/me", "/upload", "/image/" + "x" * 32, "/images/" + "x" * 32]
)
def test_whatever_else_stands_in_the_header_is_never_nobody(
    make_app: MakeApp, flower: bytes, header: str, path: str
) -> None:
    client = make_app(open_catalog=True).test_client()
    method = "POST" if path == "/upload" else "GET"
    answer = client.open(path, method=method, headers={"Authorization": header}, data=flower)
    refused(answer, 401, "token_refused")
    assert "invalid_token" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Basic !", "Basic " + "x" * 3])
def test_a_password_that_can_t_be_read_is_not_left_out(
    client: FlaskClient, flower: bytes, header: str
) -> None:
    answer = client.post("/upload", data=flower, headers={"Authorization": header})
    refused(answer, 400, "bad_authorization")


def test_a_token_that_is_over_does_not_stand_in_the_way_of_a_new_one(client: FlaskClient) -> None:
    register(client)
    over = {"Authorization": forged(exp=1)}
    fields = {"login": "alice", "password": PASSWORD}
    assert client.get("/api/login", json=fields, headers=over).status_code == 200
    bob = {"login": "bob", "email": "bob@example.org", "password": PASSWORD}
    assert client.post("/api/registration", json=bob, headers=over).status_code == 201


def test_a_change_of_password_ends_older_tokens(client: FlaskClient) -> None:
    first, second = register(client), log_in(client)
    fields = {"password": PASSWORD, "new_password": "another horse"}
    answer = client.put("/api/me/password", json=fields, headers=first)
    assert answer.status_code == 200
    for header in (first, second):
        refused(client.get("/api/me", headers=header), 401, "token_refused")
    assert client.get("/api/me", headers=answer.get_json()).status_code == 200
    assert log_in(client, password="another horse")
    old = {"login": "alice", "password": PASSWORD}
    refused(client.post("/api/login", json=old), 401, "login_refused")


def test_a_change_of_password_asks_for_the_present_one(client: FlaskClient) -> None:
    header = register(client)
    fields = {"password": "wrong", "new_password": "another horse"}
    for _ in range(accounts.ATTEMPTS_AT_ONCE):
        refused(client.put("/api/me/password", json=fields, headers=header), 403, "password_wrong")
    refused(client.put("/api/me/password", json=fields, headers=header), 429, "too_many_logins")
    short = {"password": PASSWORD, "new_password": "short"}
    refused(client.put("/api/me/password", json=short, headers=header), 400, "bad_new_password")
    assert client.get("/api/me", headers=header).status_code == 200


def test_of_two_changes_at_once_one_wins(make_app: MakeApp) -> None:
    app = make_app()
    account = app.accounts.identify(register(app.test_client())["Authorization"])
    app.accounts.change_password(account, PASSWORD, "first one", "192.0.2.1")
    with pytest.raises(TokenRefused):
        app.accounts.change_password(account, PASSWORD, "second one", "192.0.2.1")


def test_an_account_goes_with_everything_it_owns(make_app: MakeApp, engine: Engine) -> None:
    app = make_app(max_stored_bytes=10**9)
    client = app.test_client()
    header, bobs = register(client), register(client, "bob")
    mine = [told(client, header, lifetime=60 * (1 + n // 3)) for n in range(6)]
    other, nobodys = told(client, bobs), told(client)
    assert client.delete("/api/me", headers=header).get_json() == {"status": "success"}
    for image in mine:
        assert client.get(f"/image/{image['hash']}").status_code == 404
        assert client.get(f"/images/{image['image_key']}").status_code == 404
    for image in (other, nobodys):
        assert client.get(f"/image/{image['hash']}").status_code == 200
    refused(client.get("/api/me", headers=header), 401, "token_refused")
    refused(client.delete("/api/me", headers=header), 401, "token_refused")
    assert count(engine, "images") == 2
    assert sum(count(engine, f"{ciphertexts(slot)} WHERE part = 0") for slot in range(SLOTS)) == 2
    with engine.connect() as connection:
        stored = connection.execute(text("SELECT sum(bytes) FROM stored")).scalar_one()
        left = connection.execute(text(f"SELECT sum({STORED_BYTES}) FROM images"))
        assert stored == left.scalar_one() > other["size"] + nobodys["size"]
    register(client)


def test_an_upload_whose_owner_goes_meanwhile_stores_nothing(
    make_app: MakeApp, engine: Engine, flower: bytes
) -> None:
    app = make_app()
    client = app.test_client()
    owner = app.accounts.identify(register(client)["Authorization"])
    identify = app.accounts.identify
    app.accounts.identify = lambda token: (identify(token), app.accounts.delete(owner.id))[0]  # type: ignore[method-assign, func-returns-value]
    answer = client.post("/upload", data=flower, headers=log_in(client))
    refused(answer, 401, "token_refused")
    assert count(engine, "images") == 0


def test_a_copy_of_the_database_shows_no_name_no_address_and_no_hash(
    client: FlaskClient, engine: Engine
) -> None:
    register(client, "hush-login")
    with engine.connect() as connection:
        rows = [
            bytes(cell) if isinstance(cell, memoryview) else str(cell).encode()
            for table in ("owners", "guesses")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
            for cell in row
        ]
    everything = b"\n".join(rows)
    for word in (b"hush", b"example", b"argon2", PASSWORD.encode()):
        assert word not in everything


def test_older_server_keys_still_know_accounts_and_tokens(make_app: MakeApp) -> None:
    header = register(make_app(secret_keys=(OLD,)).test_client())
    both = make_app(secret_keys=(NEW, OLD))
    assert both.test_client().get("/api/me", headers=header).status_code == 200
    refused(both.test_client().post("/api/registration", json=ALICE), 409, "name_taken")
    gone = make_app(secret_keys=(NEW,)).test_client()
    refused(gone.get("/api/me", headers=header), 401, "token_refused")
    log_in(both.test_client())  # a login renews an account
    assert log_in(gone)


def test_renewing_lets_an_older_server_key_go(make_app: MakeApp) -> None:
    for login in ("alice", "bob"):
        register(make_app(secret_keys=(OLD,)).test_client(), login)
    both = make_app(secret_keys=(NEW, OLD))
    output = both.test_cli_runner().invoke(args=["renew-accounts"]).output
    assert output == "renewed accounts: 2, API keys: 0\n"
    gone = make_app(secret_keys=(NEW,)).test_client()
    for login in ("alice", "bob"):
        assert log_in(gone, login)


def test_an_account_moved_to_another_row_is_nobody_s(client: FlaskClient, engine: Engine) -> None:
    alice, bob = register(client), register(client, "bob")
    with engine.begin() as connection:
        moved = "UPDATE owners SET account = (SELECT account FROM owners WHERE id = :bob) WHERE id = :alice"
        ids = {"alice": alices(client, alice), "bob": alices(client, bob)}
        connection.execute(text(moved), ids)
    refused(client.get("/api/me", headers=alice), 401, "token_refused")
    refused(client.post("/api/login", json={"login": "alice", "password": PASSWORD}), 401, "login_refused")


def test_a_token_ends_by_the_database_s_clock(client: FlaskClient) -> None:
    register(client)
    header = log_in(client)
    claims = jwt.decode(header["Authorization"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == accounts.TOKEN_SECONDS
    assert set(claims) == {"sub", "ver", "iat", "exp"}
    keys = ServerKeys.parse([SERVER_KEY])
    soon = issue_token(keys, Claims(UUID(claims["sub"]), 0, claims["iat"] + 60), at=claims["iat"])
    over = issue_token(keys, Claims(UUID(claims["sub"]), 0, claims["iat"] - 1), at=claims["iat"])
    assert client.get("/api/me", headers={"Authorization": soon}).status_code == 200
    refused(client.get("/api/me", headers={"Authorization": over}), 401, "token_refused")


def test_no_secret_reaches_a_repr(make_app: MakeApp) -> None:
    app = make_app()
    shown = repr(app.accounts.identify(register(app.test_client())["Authorization"]))
    assert not re.search("argon2|alice", shown)
