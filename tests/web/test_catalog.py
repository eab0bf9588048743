"""Catalogs: one's own images, newest first, page by page; by model; and never anybody else's."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from crypto import ImageKey, Link, OwnerSeal, ServerKeys
from models import OPEN_CATALOG
from services import catalog as catalogs
from tests.cast import FLOWER, IMAGES, SERVER_KEY, cleaned, deposit, register, told
from tests.conftest import MakeApp

OLD, NEW = SERVER_KEY, "bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4="


def listed(client: FlaskClient, header: dict[str, str] | None = None, **query: Any) -> dict[str, Any]:
    answer = client.get("/images", headers=header, query_string=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def names(page: dict[str, Any]) -> list[str]:
    return [image["filename"] for image in page["data"]]


def fill(client: FlaskClient, header: dict[str, str], count: int, **options: Any) -> list[str]:
    """Upload images named 00.jpg and on, and return these names, newest first."""
    for number in range(count):
        told(client, header, filename=f"{number:02}.jpg", **options)
    return [f"{number:02}.jpg" for number in reversed(range(count))]


def test_it_lists_everything_about_one_s_own_images(client: FlaskClient) -> None:
    header = register(client)
    metadata = {"album": "spring", "n": [1, None]}
    sent = told(
        client, header, description="A flower", metadata=json.dumps(metadata), model_id="chair", views=3
    )
    (image,) = listed(client, header)["data"]
    for name in ("image_id", "image_key", "image_url", "content_type", "filename", "size", "width", "height"):
        assert image[name] == sent[name]
    for name in ("sha256", "created_at", "expires_at", "views_left"):
        assert image[name] == sent[name]
    assert (image["description"], image["metadata"], image["model_id"]) == ("A flower", metadata, "chair")
    assert image["password"] is False
    assert client.get(f"/images/{image['image_key']}?mode=download").data == FLOWER


def test_both_spellings_list_and_nothing_is_kept_by_caches(client: FlaskClient) -> None:
    header = register(client)
    for path in ("/images", "/images/"):
        answer = client.get(path, headers=header)
        assert answer.get_json() == {"status": "success", "data": [], "next": None}
        assert answer.headers["Cache-Control"] == "no-store"


def test_without_a_catalog_it_asks_for_an_account(client: FlaskClient) -> None:
    told(client)
    for headers in ({}, {"Authorization": "Basic OnNlY3JldA=="}):
        answer = client.get("/images", headers=headers)
        assert (answer.status_code, answer.get_json()["error"]) == (401, "account_asked")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_nobody_ever_sees_another_s_image(client: FlaskClient) -> None:
    alice, charlie = register(client, "alice"), register(client, "charlie")
    told(client, alice, model_id="chair")
    told(client)
    assert listed(client, charlie)["data"] == []
    assert listed(client, charlie, model_id="chair")["data"] == []
    assert client.get("/image/chair", headers=charlie).status_code == 404
    assert client.get("/image/chair").status_code == 404
    assert client.get("/image/chair", headers=alice).data == FLOWER
    assert client.get("/api/me", headers=charlie).get_json()["images"] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8, 1000])
def test_pages_follow_one_another_without_gap_or_double(client: FlaskClient, limit: int) -> None:
    header = register(client)
    everything = fill(client, header, 7)
    found: list[str] = []
    cursor, pages = None, 0
    while True:
        page = listed(client, header, limit=limit, **({"cursor": cursor} if cursor else {}))
        found, cursor, pages = found + names(page), page["next"], pages + 1
        if cursor is None:
            break
    assert found == everything
    assert pages == -(-7 // limit)


def test_a_cursor_stays_while_images_come_and_go(client: FlaskClient, engine: Engine) -> None:
    header = register(client)
    everything = fill(client, header, 6)
    first = listed(client, header, limit=3)
    told(client, header, filename="newer.jpg")
    for image in (
        first["data"][2],
        listed(client, header)["data"][-1],
    ):  # the one the cursor stands at, and the last
        client.delete(f"/images/{image['image_key']}")
    second = listed(client, header, limit=3, cursor=first["next"])
    assert names(first) + names(second) == everything[:5]
    assert second["next"] is None


def test_images_of_one_moment_are_paged_too(client: FlaskClient, engine: Engine) -> None:
    header = register(client)
    fill(client, header, 5)
    with engine.begin() as connection:
        connection.execute(text("UPDATE images SET owned_at = '2026-01-01'"))
    found: list[str] = []
    cursor = ""
    for _ in range(5):
        page = listed(client, header, limit=1, **({"cursor": cursor} if cursor else {}))
        found, cursor = found + names(page), page["next"]
    assert sorted(found) == [f"{number:02}.jpg" for number in range(5)]
    assert cursor is None


@pytest.mark.parametrize("cursor", ["x", "x" * 140, "ä", "=", "a" * 5000, "\0"])
def test_a_cursor_that_is_none(client: FlaskClient, cursor: str) -> None:
    answer = client.get("/images", headers=register(client), query_string={"cursor": cursor})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_cursor")


def test_a_cursor_is_its_owner_s_alone_and_tells_nothing(client: FlaskClient) -> None:
    alice, charlie = register(client, "alice"), register(client, "charlie")
    fill(client, alice, 2)
    cursor = listed(client, alice, limit=1)["next"]
    answer = client.get("/images", headers=charlie, query_string={"cursor": cursor})
    assert answer.get_json()["error"] == "bad_cursor"
    again = listed(client, alice, limit=1)["next"]
    assert cursor[:30] != again[:30] or cursor[30:] != again[30:], "sealed anew each time"


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "many", "", "1.0", "٣", "99999"])
def test_a_limit_that_is_none(client: FlaskClient, limit: str) -> None:
    answer = client.get("/images", headers=register(client), query_string={"limit": limit})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_limit")


@pytest.mark.parametrize("query", ["prefx=a", "limit=1&limit=2", "mode=view"])
def test_a_typo_in_a_filter_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"/images?{query}", headers=register(client)).status_code == 400


def test_prefix_filters_names_and_keys(client: FlaskClient) -> None:
    header = register(client)
    one = told(client, header, filename="spring-1.jpg")
    told(client, header, filename="spring-2.jpg")
    told(client, header, filename="summer.jpg")
    assert names(listed(client, header, prefix="spring")) == ["spring-2.jpg", "spring-1.jpg"]
    assert names(listed(client, header, prefix=one["image_key"][:9])) == ["spring-1.jpg"]
    assert names(listed(client, header, prefix="Spring")) == []
    page = listed(client, header, prefix="spring", limit=1)
    assert names(page) == ["spring-2.jpg"]
    assert names(listed(client, header, prefix="spring", cursor=page["next"])) == ["spring-1.jpg"]


def test_a_search_is_bounded_and_goes_on_where_it_ended(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = register(client)
    told(client, header, filename="wanted.jpg")
    fill(client, header, 7)
    monkeypatch.setattr(catalogs, "MOST_SCANNED", 5)
    page = listed(client, header, prefix="wanted")
    assert page["data"] == []
    assert names(listed(client, header, prefix="wanted", cursor=page["next"])) == ["wanted.jpg"]


def test_a_list_may_be_of_one_model(client: FlaskClient) -> None:
    header = register(client)
    for model_id in ("chair", "lamp", "chair"):
        told(client, header, model_id=model_id)
    told(client, header)
    assert [image["model_id"] for image in listed(client, header, model_id="chair")["data"]] == ["chair"] * 2
    assert len(listed(client, header, model_id="chair", limit=1)["data"]) == 1
    assert listed(client, header, model_id="table")["data"] == []
    assert len(listed(client, header)["data"]) == 4


def test_the_newest_image_of_a_model_wins_within_one_second(client: FlaskClient) -> None:
    header = register(client)
    for number in range(8):
        sent = told(client, header, model_id="chair", filename=f"{number}.jpg")
        newest = client.head("/image/chair", headers=header)
        assert newest.headers["Content-Disposition"] == f'inline; filename="{number}.jpg"'
    client.delete(f"/images/{sent['image_key']}")
    assert "6.jpg" in client.head("/image/chair", headers=header).headers["Content-Disposition"]


def test_a_model_s_image_ends_like_any_other(client: FlaskClient, engine: Engine) -> None:
    header = register(client)
    older, newer = told(client, header, model_id="chair"), told(client, header, model_id="chair")
    with engine.begin() as connection:
        dead = (
            "UPDATE images SET expires_at = now() - interval '1 second', created_at = now() - interval '9 s'"
        )
        connection.execute(text(f"{dead} WHERE row_key = :key"), {"key": Link.parse(newer["hash"]).row_key})
    assert [image["image_id"] for image in listed(client, header, model_id="chair")["data"]] == [
        older["hash"]
    ]
    assert client.get("/image/chair", headers=header).status_code == 200
    client.delete(f"/images/{older['image_key']}")
    gone = client.get("/image/chair", headers=header)
    assert gone.data == client.get("/image/" + "x" * 32).data


def test_a_link_wins_over_a_model_of_its_spelling(client: FlaskClient, hopper: bytes) -> None:
    header = register(client)
    link = deposit(client)
    upload = {"file": (io.BytesIO(hopper), "hopper.png"), "model_id": link}
    client.post("/upload", data=upload, headers=header)
    assert client.get(f"/image/{link}", headers=header).data == FLOWER
    other = {"file": (io.BytesIO(hopper), "hopper.png"), "model_id": "x" * 32}
    client.post("/upload", data=other, headers=header)
    assert client.get("/image/" + "x" * 32, headers=header).data == cleaned("hopper.png")


@pytest.mark.parametrize("model_id", ["Stuhl ä", "a.b.c", "a%b", "'; --", "x" * 255, "5f1d7f3e9b", "🪑"])
def test_a_model_id_may_be_almost_anything(client: FlaskClient, model_id: str) -> None:
    header = register(client)
    told(client, header, model_id=model_id)
    assert client.get(f"/image/{quote(model_id, safe='')}", headers=header).data == FLOWER
    assert client.get(f"/image/{quote(model_id, safe='')}.png", headers=header).mimetype == "image/png"
    assert listed(client, header, model_id=model_id)["data"][0]["model_id"] == model_id


@pytest.mark.parametrize(
    "model_id", ["a/b", ".", "..", "a\n", "x" * 256, "chair.jpg", "chair.webp", "\u202e"]
)
def test_a_model_id_that_is_none(client: FlaskClient, model_id: str) -> None:
    answer = client.post("/upload", data=FLOWER, query_string={"model_id": model_id})
    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_model_id")


def test_a_model_s_image_with_limited_views_opens_by_post(client: FlaskClient) -> None:
    header = register(client)
    link = told(client, header, model_id="chair", views=1)["hash"]
    looked = client.get("/image/chair", headers=header)
    assert (looked.status_code, looked.headers["Allow"]) == (405, "POST")
    browser = {**header, "Accept": "text/html"}
    assert client.get("/image/chair", headers=browser).headers["Location"] == f"/s#{link}"
    assert client.post("/image/chair", headers=header).data == FLOWER
    assert client.post("/image/chair", headers=header).status_code == 404


def test_of_an_image_with_a_password_the_list_tells_only_what_is_no_secret(client: FlaskClient) -> None:
    header = register(client)
    sent = told(
        client, header, password="secret", description="hush", filename="hush.jpg", model_id="hush-model"
    )
    (image,) = listed(client, header)["data"]
    assert "hush" not in json.dumps(image)
    assert (image["password"], image["size"], image["image_key"]) == (True, len(FLOWER), sent["image_key"])
    assert listed(client, header, prefix="hush")["data"] == []
    assert len(listed(client, header, prefix=sent["image_key"])["data"]) == 1
    by_post = client.post("/image/hush-model", headers=header, data={"password": "secret"})
    assert by_post.data == FLOWER


def test_an_open_catalog_is_shared_by_those_without_an_account(make_app: MakeApp) -> None:
    client = make_app(open_catalog=True).test_client()
    header = register(client)
    told(client, filename="shared.jpg", model_id="chair")
    told(client, header, filename="alices.jpg")
    assert names(listed(client)) == ["shared.jpg"]
    assert names(listed(client, header)) == ["alices.jpg"]
    assert client.get("/image/chair").data == FLOWER
    assert client.get("/image/chair", headers=header).status_code == 404
    assert client.get("/api/me").status_code == 401


def test_a_catalog_that_was_closed_again_shows_nothing(make_app: MakeApp) -> None:
    link = deposit(make_app(open_catalog=True).test_client(), model_id="chair")
    closed = make_app().test_client()
    assert closed.get("/images").status_code == 401
    assert closed.get("/image/chair").status_code == 404
    assert closed.get(f"/image/{link}").status_code == 200
    header = register(closed)
    assert listed(closed, header)["data"] == []


def test_an_anonymous_drop_is_in_no_catalog(client: FlaskClient, make_app: MakeApp) -> None:
    deposit(client, model_id="chair")
    assert listed(make_app(open_catalog=True).test_client())["data"] == []


def test_a_copy_of_the_database_shows_no_model_and_no_image_key(client: FlaskClient, engine: Engine) -> None:
    sent = told(client, register(client), model_id="hush-model", filename="hush.jpg")
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM images")).all()
    dump = b"\n".join(bytes(cell) if isinstance(cell, memoryview) else str(cell).encode() for cell in row)
    for secret in (b"hush", sent["image_key"].encode(), ImageKey.parse(sent["image_key"]).secret):
        assert secret not in dump


def test_the_same_model_of_two_owners_has_two_tags(client: FlaskClient, engine: Engine) -> None:
    for login in ("alice", "bob"):
        told(client, register(client, login), model_id="chair")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(DISTINCT model_tag) FROM images")) == 2


@pytest.mark.parametrize("taken", ["owner_id", "owner_id, owner_key"])
def test_an_image_that_somebody_moved_to_another_owner_stays_closed(
    client: FlaskClient, engine: Engine, taken: str
) -> None:
    """Whoever writes into the database gives an image away, but doesn't open it for the other."""
    alice, charlie = register(client, "alice"), register(client, "charlie")
    told(client, alice)
    told(client, charlie)
    with engine.begin() as connection:
        other = "(SELECT other.* FROM (SELECT {} FROM images ORDER BY owned_at DESC LIMIT 1) AS other)"
        oldest = "row_key = (SELECT row_key FROM images ORDER BY owned_at LIMIT 1)"
        columns = f"({taken})" if "," in taken else taken
        connection.execute(text(f"UPDATE images SET {columns} = {other.format(taken)} WHERE {oldest}"))
    assert len(listed(client, charlie)["data"]) == 1
    assert listed(client, alice)["data"] == []


def test_older_server_keys_still_list_and_find_models(make_app: MakeApp) -> None:
    before = make_app(secret_keys=(OLD,)).test_client()
    header = register(before)
    told(before, header, model_id="chair", filename="old.jpg")
    told(before, header, model_id="chair", filename="older-key.jpg")
    cursor = listed(before, header, limit=1)["next"]
    both = make_app(secret_keys=(NEW, OLD)).test_client()
    told(both, header, model_id="chair", filename="new.jpg")
    assert names(listed(both, header, model_id="chair")) == ["new.jpg", "older-key.jpg", "old.jpg"]
    assert names(listed(both, header, cursor=cursor)) == ["old.jpg"]


def test_an_open_catalog_s_owner_can_t_be_logged_in_to(client: FlaskClient) -> None:
    seal = OwnerSeal(ServerKeys.parse([SERVER_KEY]))
    assert len(seal.login_tags("")[0]) == 32, "its tag is empty, which no login's is"
    answer = client.post("/api/login", json={"login": "", "password": ""})
    assert answer.status_code == 401
    assert OPEN_CATALOG.int == 0


def test_uploads_by_every_door_are_in_the_catalog(client: FlaskClient) -> None:
    header = register(client)
    image = {"file": (io.BytesIO((IMAGES / "hopper.png").read_bytes()), "a.png")}
    client.post("/upload", data=image, headers=header)
    client.put("/b.jpg", data=FLOWER, headers=header)
    client.post("/images/upload?filename=c.jpg", data=FLOWER, headers=header)
    assert names(listed(client, header)) == ["c.jpg", "b.jpg", "a.png"]
