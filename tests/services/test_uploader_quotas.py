"""What lives of one address and of one account is limited, exactly, and only by what lives at that moment."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from werkzeug.test import TestResponse

from app import Mayfly
from crypto import ServerKeys, client_tag
from models import SLOTS, UploaderQuota, ciphertexts, quota_checks, quota_reached, raw_cursor
from models.quota import LOCKS, UNLIMITED
from services.database import autocommit, transaction
from storage import RowStore
from tests.cast import SERVER_KEY, register
from tests.conftest import MakeApp
from tests.services.test_quota import engine_of

HOME, OFFICE = "192.0.2.1", "192.0.2.2"
Headers = dict[str, str] | None


def upload(
    client: FlaskClient, data: bytes, address: str = HOME, headers: Headers = None, **query: object
) -> TestResponse:
    told = {name: str(value) for name, value in query.items()}
    return client.post(
        "/upload", data=data, query_string=told, headers=headers, environ_overrides={"REMOTE_ADDR": address}
    )


def refused(answer: TestResponse, error: str) -> int:
    """Check that an upload was refused by a quota; return when to come back."""
    assert (answer.status_code, answer.get_json()["error"]) == (429, error), answer.text
    seconds = int(answer.headers["Retry-After"])
    told = f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
    assert f"in {told}." in answer.get_json()["message"]
    return seconds


def taken_by(engine: Engine) -> int:
    """What all living images take, as every limit in bytes counts it."""
    with engine.connect() as connection:
        counted = "SELECT coalesce(sum((size + octet_length(details)) * 17 / 16 + 1024), 0) FROM images"
        return int(connection.execute(text(counted)).scalar_one())


def test_an_address_has_so_many_images_and_others_are_not_touched(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_client=2).test_client()
    assert [upload(client, flower).status_code for _ in range(2)] == [201, 201]
    refused(upload(client, flower), "client_quota")
    assert upload(client, flower, OFFICE).status_code == 201


def test_a_network_of_ipv6_is_one_address(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_client=1).test_client()
    assert upload(client, flower, "2001:db8:1:2::a").status_code == 201
    refused(upload(client, flower, "2001:db8:1:2:ffff::b"), "client_quota")
    assert upload(client, flower, "2001:db8:1:3::a").status_code == 201


def test_an_address_written_by_the_client_changes_nothing(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_client=1).test_client()
    assert upload(client, flower).status_code == 201
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        refused(upload(client, flower, headers={name: f"for={OFFICE}"}), "client_quota")


def test_bytes_are_limited_to_the_byte(make_app: MakeApp, flower: bytes) -> None:
    app = make_app()
    assert upload(app.test_client(), flower).status_code == 201
    one = taken_by(engine_of(app))
    client = make_app(max_bytes_per_client=3 * one - 1).test_client()
    assert upload(client, flower).status_code == 201
    refused(upload(client, flower), "client_quota")
    client = make_app(max_bytes_per_client=3 * one).test_client()
    assert upload(client, flower).status_code == 201


def test_it_says_when_there_is_room_again(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_client=2).test_client()
    for lifetime in (1000, 100):
        upload(client, flower, lifetime=lifetime)
    assert 80 < refused(upload(client, flower), "client_quota") <= 100
    fewer = make_app(max_images_per_client=1).test_client()
    assert 980 < refused(upload(fewer, flower), "client_quota") <= 1000


def test_an_end_gives_room_back_at_once_with_every_purge_off(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_client=1).test_client()
    assert upload(client, flower, lifetime=1).status_code == 201
    end = time.monotonic() + 30
    while (answer := upload(client, flower)).status_code == 429:
        assert time.monotonic() < end
        time.sleep(refused(answer, "client_quota") / 10)
    assert answer.status_code == 201


@pytest.mark.parametrize("end", ["last view", "image key", "account"])
def test_whatever_ends_an_image_gives_its_room_back(make_app: MakeApp, flower: bytes, end: str) -> None:
    client = make_app(max_images_per_client=1, max_images_per_owner=1).test_client()
    account = register(client)
    told = upload(client, flower, headers=account, views=1).get_json()
    refused(upload(client, flower), "client_quota")
    if end == "last view":
        assert client.post(f"/image/{told['hash']}").status_code == 200
    elif end == "image key":
        assert client.delete(f"/images/{told['image_key']}").status_code == 200
    else:
        assert client.delete("/api/me", headers=account).status_code == 200
        account = register(client)
    assert upload(client, flower, headers=account).status_code == 201


def test_an_account_has_so_many_images_wherever_they_come_from(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_client=2, max_images_per_owner=2).test_client()
    alice, bob = register(client), register(client, "bob")
    assert upload(client, flower, HOME, alice).status_code == 201
    assert upload(client, flower, OFFICE, alice).status_code == 201
    refused(upload(client, flower, "192.0.2.3", alice), "owner_quota")
    assert upload(client, flower, HOME, bob).status_code == 201
    # An account costs nothing where registration is open: what it uploads counts for its address as well.
    refused(upload(client, flower, HOME, bob), "client_quota")


def test_the_account_s_quota_holds_for_base64_too(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_owner=1, max_bytes_per_owner=0).test_client()
    alice = register(client)
    body = {"data": base64.b64encode(flower).decode(), "description": ""}
    assert client.post("/api/images", json=body, headers=alice).status_code == 201
    refused(client.post("/api/images", json=body, headers=alice), "owner_quota")


def test_the_catalog_that_everybody_shares_is_limited_by_address_alone(
    make_app: MakeApp, flower: bytes
) -> None:
    client = make_app(open_catalog=True, max_images_per_client=2, max_images_per_owner=1).test_client()
    assert [upload(client, flower).status_code for _ in range(2)] == [201, 201]
    refused(upload(client, flower), "client_quota")
    assert upload(client, flower, OFFICE).status_code == 201


def test_what_is_refused_leaves_nothing(make_app: MakeApp, flower: bytes) -> None:
    app = make_app(max_images_per_client=1, max_stored_bytes=10**9)
    app.quota.count()
    client = app.test_client()
    upload(client, flower)
    refused(upload(client, flower), "client_quota")
    every = " UNION ALL ".join(f"SELECT row_key FROM {ciphertexts(slot)}" for slot in range(SLOTS))
    with engine_of(app).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM images")).scalar_one() == 1
        assert (
            connection.execute(text(f"SELECT count(DISTINCT row_key) FROM ({every}) AS x")).scalar_one() == 1
        )
        counted = connection.execute(text("SELECT sum(bytes) FROM stored")).scalar_one()
    assert counted == taken_by(engine_of(app))


def test_an_address_is_kept_as_a_keyed_tag_and_only_where_it_is_counted(
    make_app: MakeApp, flower: bytes
) -> None:
    """Without a limit there is no tag, and with one it goes with its row."""
    off = make_app(max_images_per_client=0, max_bytes_per_client=0)
    counting = make_app()
    link = upload(off.test_client(), flower).get_json()["image_key"]
    upload(counting.test_client(), flower)
    upload(counting.test_client(), flower, OFFICE)
    with engine_of(off).connect() as connection:
        tags = {
            None if tag is None else bytes(tag)
            for tag in connection.scalars(text("SELECT client_tag FROM images"))
        }
    keys = ServerKeys.parse((SERVER_KEY,))
    assert tags == {None, client_tag(keys, HOME, "quota"), client_tag(keys, OFFICE, "quota")}
    assert off.test_client().delete(f"/images/{link}").status_code == 200


@pytest.mark.parametrize("most", [1, 7])
def test_many_at_once_over_several_programs_never_pass_it(
    make_app: MakeApp, flower: bytes, most: int
) -> None:
    apps = [
        make_app(max_images_per_client=most, max_images_per_owner=most - 1 or 1, threads=8) for _ in range(2)
    ]
    alice = register(apps[0].test_client())
    line = threading.Barrier(16)

    def send(number: int) -> int:
        line.wait(30)
        headers = alice if number % 2 else None
        return upload(apps[number // 2 % 2].test_client(), flower, headers=headers).status_code

    for _ in range(3):
        with ThreadPoolExecutor(16) as pool:
            statuses = list(pool.map(send, range(16)))
        assert (statuses.count(201), statuses.count(429)) == (most, 16 - most)
        with engine_of(apps[0]).begin() as connection:
            connection.execute(text("DELETE FROM images"))


STORE, SLOT = RowStore(), 9
QUOTA = UploaderQuota("client_tag", b"t" * 16, 1, UNLIMITED)


def engine_in(app: Mayfly) -> Engine:
    """The engine as the services use it, in autocommit."""
    return app.shards.home.engine


KEYS = (number.to_bytes(32, "big") for number in range(100))


def store(connection: Connection, key: bytes, quota: UploaderQuota, pieces: Iterator[bytes]) -> None:
    """Store a row and its bytes as an upload does."""
    before, after = quota_checks(connection, [quota], 100)
    row = (
        "INSERT INTO images (row_key, manage_tag, store, slot, size, created_at, expires_at, details, client_tag)"
        f" VALUES ('\\x{key.hex()}', '\\x{key.hex()}', 'rows', {SLOT}, 100, now(), now() + interval '1 minute', '',"
        f" '\\x{bytes(quota.value).hex()}')"  # type: ignore[arg-type]
    )
    STORE.put(connection, SLOT, key, pieces, before + row.encode(), after)


def put(engine: Engine, key: bytes, quota: UploaderQuota, pieces: Iterator[bytes]) -> bool:
    """Store it in a transaction of its own; False where its quota was full."""
    with autocommit(engine) as connection:
        try:
            store(connection, key, quota, pieces)
        except DBAPIError as error:
            if quota_reached(error) != quota.column:
                raise
            return False
    return True


def test_who_sends_slowly_holds_nobody_up_and_is_refused_at_the_end(app: Mayfly) -> None:
    """An upload that is still under way takes no place: the one that ends first does, of the same address even."""
    began, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[bytes]:
        yield b"begun"
        began.set()
        assert go_on.wait(30)
        yield b"ended"

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(put, engine_in(app), next(KEYS), QUOTA, slowly())
        assert began.wait(30)
        assert put(engine_in(app), next(KEYS), QUOTA, iter((b"quick",)))
        assert put(engine_in(app), next(KEYS), UploaderQuota("client_tag", b"u" * 16, 1), iter((b"another",)))
        go_on.set()
        assert not slow.result(30)
    with engine_of(app).connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM images")).scalar_one() == 2


@pytest.mark.parametrize("other", [False, True], ids=["the same address", "another address"])
def test_who_ends_in_the_same_moment_waits_for_its_own_address_alone(app: Mayfly, *, other: bool) -> None:
    """The first has counted and not yet committed: whoever counts now would not see it."""
    quota = UploaderQuota("client_tag", b"w" * 16 if other else QUOTA.value, 1)
    with ThreadPoolExecutor(1) as pool:
        with transaction(engine_in(app)) as connection:
            store(connection, next(KEYS), QUOTA, iter((b"not committed",)))
            second = pool.submit(put, engine_in(app), next(KEYS), quota, iter((b"second",)))
            done = not wait([second], 30 if other else 1).not_done
            assert done == other
        assert second.result(30) == other


def test_what_is_full_already_is_refused_before_its_bytes_are_sent(app: Mayfly) -> None:
    pieces = iter((b"never asked for",))
    assert put(engine_in(app), next(KEYS), QUOTA, iter((b"first",)))
    assert not put(engine_in(app), next(KEYS), QUOTA, pieces)
    assert next(pieces, None)


FETCHED = text("SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'images'")


def rows_read(engine: Engine, quota: UploaderQuota) -> int:
    """How many rows of images one more upload reads by an index."""
    with transaction(engine) as connection:
        before = int(connection.execute(FETCHED).scalar_one() or 0)  # those of earlier ones may be told, too
        store(connection, next(KEYS), quota, iter((b"more",)))
        return int(connection.execute(FETCHED).scalar_one()) - before


def test_what_lives_is_counted_once_and_not_at_each_upload(app: Mayfly) -> None:
    quota = UploaderQuota("client_tag", b"m" * 16, 31)
    for _ in range(20):
        assert put(engine_in(app), next(KEYS), quota, iter((b"one of many",)))
    assert rows_read(engine_in(app), quota) <= 1
    with engine_of(app).begin() as connection:
        connection.execute(text("UPDATE counted SET until = now() - interval '1 second'"))
    assert rows_read(engine_in(app), quota) >= 40, "before and after"
    assert rows_read(engine_in(app), quota) <= 1


def test_what_ended_is_not_in_the_way_of_what_fits(app: Mayfly) -> None:
    """What is kept knows of no end; nothing is refused for it."""
    quota = UploaderQuota("client_tag", b"e" * 16, 3)
    assert [put(engine_in(app), next(KEYS), quota, iter((b"one",))) for _ in range(4)] == [True] * 3 + [False]
    with engine_of(app).begin() as connection:
        connection.execute(
            text("UPDATE images SET expires_at = now() WHERE row_key = (SELECT max(row_key) FROM images)")
        )
    assert [put(engine_in(app), next(KEYS), quota, iter((b"one",))) for _ in range(2)] == [True, False]


def test_an_older_program_s_uploads_count(app: Mayfly) -> None:
    """It says after its bytes that it asks for nothing more."""
    quota, key = UploaderQuota("client_tag", b"o" * 16, 3), next(KEYS)
    assert put(engine_in(app), next(KEYS), quota, iter((b"one",)))
    with transaction(engine_in(app)) as connection, raw_cursor(connection) as cursor:
        cursor.execute(
            "INSERT INTO images (row_key, manage_tag, store, slot, size, created_at, expires_at, details, client_tag)"
            " VALUES (%s, %s, 'rows', 1, 100, now(), now() + interval '1 minute', '', %s)",
            (key, key, quota.value),
        )
        cursor.execute(*quota.check(LOCKS["client_tag"], 0, 0))
    assert [put(engine_in(app), next(KEYS), quota, iter((b"one",))) for _ in range(2)] == [True, False]


def test_a_purge_forgets_whose_count_is_old(app: Mayfly, flower: bytes) -> None:
    upload(app.test_client(), flower)
    upload(app.test_client(), flower, OFFICE)
    keys = ServerKeys.parse((SERVER_KEY,))
    with engine_of(app).begin() as connection:
        change = text("UPDATE counted SET until = now() - interval '1 second' WHERE tag = :tag")
        connection.execute(change, {"tag": client_tag(keys, HOME, "quota")})
    app.purge()
    with engine_of(app).connect() as connection:
        (left,) = connection.scalars(text("SELECT tag FROM counted"))
    assert bytes(left) == client_tag(keys, OFFICE, "quota")


def test_a_form_and_a_page_are_told_as_well(make_app: MakeApp, flower: bytes) -> None:
    client = make_app(max_images_per_client=1).test_client()
    upload(client, flower)
    for accept, beginning in (("text/plain", "One address may have 1 living images"), ("text/html", "<!")):
        form = {"file": (io.BytesIO(flower), "flower.jpg")}
        answer = client.post(
            "/upload",
            data=form,
            headers={"Accept": accept},
            environ_overrides={"REMOTE_ADDR": HOME},
        )
        assert answer.status_code == 429
        assert answer.text.startswith(beginning)
        assert int(answer.headers["Retry-After"]) > 0
