"""Several images in one upload: all of them or none, each with its own receipt, and one share URL of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app import Mayfly
from models import SLOTS, ciphertexts
from services import Allowance, Later, SentFile, Uploader, Wishes
from services.expensive import PROOFS
from tests.cast import FLOWER, IMAGES, register
from tests.conftest import MakeApp
from tests.services.test_quota import counted, engine_of
from units import Rate, RateLimit
from web.request.body import MAX_IMAGES

TEXT = {"Accept": "text/plain"}
BROKEN = FLOWER[:-200]


def send(client: FlaskClient, images: Sequence[bytes], headers: Any = None, **options: str) -> TestResponse:
    """Upload images as `curl -F file=@0.jpg -F file=@1.jpg …` does."""
    files = [part("file", image, f"{number}.jpg") for number, image in enumerate(images)]
    return post(client, [*files, *(part(name, value.encode()) for name, value in options.items())], headers)


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return (
        f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content + b"\r\n"
    )


def post(client: FlaskClient, parts: Sequence[bytes], headers: Any = None) -> TestResponse:
    body = b"".join([*parts, b"--limit--\r\n"])
    return client.post(
        "/upload", data=body, content_type="multipart/form-data; boundary=limit", headers=headers
    )


def stored(engine: Engine) -> tuple[int, int]:
    """How many rows of images there are, and how many of sealed bytes."""
    with engine.connect() as connection:
        rows = connection.scalar(text("SELECT count(*) FROM images"))
        tables = " UNION ALL ".join(f"SELECT row_key FROM {ciphertexts(slot)}" for slot in range(SLOTS))
        sealed = connection.scalar(text(f"SELECT count(DISTINCT row_key) FROM ({tables}) AS sealed"))
    return int(rows), int(sealed)


def test_each_has_its_receipt_and_all_have_one_link(client: FlaskClient, hopper: bytes) -> None:
    answer = send(client, [FLOWER, hopper, FLOWER], views="2", description="two flowers")
    assert answer.status_code == 201, answer.text
    told = answer.get_json()
    images = told["images"]
    assert told["url"] == "http://localhost/s#" + ".".join(image["hash"] for image in images)
    assert [image["filename"] for image in images] == ["0.jpg", "1.jpg.png", "2.jpg"]
    assert [image["views_left"] for image in images] == [2, 2, 2]
    assert len({image["image_key"] for image in images}) == 3
    assert answer.headers.getlist("Image-Key") == [image["image_key"] for image in images]
    for image, sent in zip(images, [FLOWER, hopper, FLOWER], strict=True):
        opened = client.post(image["image_url"])
        assert opened.data == sent
        assert opened.headers["Image-Description"] == "two flowers"
        assert client.delete(f"/images/{image['image_key']}").status_code == 200


def test_as_text_a_line_each(client: FlaskClient) -> None:
    answer = send(client, [FLOWER, FLOWER], TEXT)
    lines = answer.text.splitlines()
    assert (answer.status_code, answer.mimetype, len(lines)) == (201, "text/plain", 2)
    assert answer.text.endswith("\n")
    assert [client.get(line).data for line in lines] == [FLOWER, FLOWER]
    assert answer.headers["Location"].partition("#")[2].split(".") == [line[-32:] for line in lines]


def test_both_fields_count_in_the_order_in_which_they_come(client: FlaskClient, hopper: bytes) -> None:
    told = post(client, [part("image", hopper, "h.png"), part("file", FLOWER, "f.jpg")]).get_json()
    assert [image["filename"] for image in told["images"]] == ["h.png", "f.jpg"]


@pytest.mark.parametrize("first", [True, False])
def test_an_input_that_was_left_empty_is_no_image(client: FlaskClient, *, first: bool) -> None:
    parts = [part("file", b"", ""), part("image", FLOWER, "f.jpg")]
    assert post(client, parts if first else parts[::-1]).get_json()["filename"] == "f.jpg"


def test_a_password_is_that_of_each(client: FlaskClient) -> None:
    told = send(client, [FLOWER, FLOWER], password="sesame").get_json()
    for image in told["images"]:
        assert client.post(image["image_url"]).status_code == 401
        assert client.post(image["image_url"], data={"password": "sesame"}).data == FLOWER


def test_an_account_has_all_of_them_the_last_one_newest(client: FlaskClient) -> None:
    header = register(client)
    told = send(client, [FLOWER, FLOWER], header, model_id="cat").get_json()
    listed = client.get("/images", headers=header).get_json()["data"]
    assert [image["image_id"] for image in listed] == [image["hash"] for image in told["images"]][::-1]
    assert client.get("/image/cat", headers=header).status_code == 200


@pytest.mark.parametrize(
    ("third", "status", "code"), [(BROKEN, 422, "broken_image"), (b"%PDF-1.7\n", 415, "not_an_image")]
)
def test_a_bad_third_stores_none_and_is_named(
    client: FlaskClient, engine: Engine, third: bytes, status: int, code: str
) -> None:
    answer = send(client, [FLOWER, FLOWER, third, FLOWER])
    assert (answer.status_code, answer.get_json()["error"]) == (status, code)
    assert answer.get_json()["message"].startswith("Image 3 of 4: ")
    assert stored(engine) == (0, 0)


@pytest.mark.parametrize("setting", ["max_images_per_client", "max_images_per_owner"])
def test_a_quota_that_is_full_at_the_third_stores_none(make_app: MakeApp, setting: str) -> None:
    app = make_app(**{setting: 3})
    client = app.test_client()
    header = register(client)
    assert send(client, [FLOWER], header).status_code == 201
    answer = send(client, [FLOWER] * 3, header)
    assert (answer.status_code, answer.get_json()["error"]) == (429, f"{setting[15:]}_quota")
    assert int(answer.headers["Retry-After"]) > 200, "as soon as there is room for all three"
    assert stored(engine_of(app)) == (1, 1)
    assert send(client, [FLOWER] * 2, header).status_code == 201
    assert "send less at a time" in send(client, [FLOWER] * 4, header).get_json()["message"]


def test_a_storage_with_room_for_two_stores_none_of_three(make_app: MakeApp) -> None:
    app = make_app(max_stored_bytes=3 * len(FLOWER))
    app.quota.count()
    client = app.test_client()
    answer = send(client, [FLOWER] * 3)
    assert (answer.status_code, answer.get_json()["error"]) == (507, "storage_full")
    assert stored(engine_of(app)) == (0, 0)
    assert counted(app) == 0
    assert send(client, [FLOWER] * 2).status_code == 201


# Ends its own connection when the bytes of a second image arrive in a slot: those of the first are there by then.
TRIGGERS = """
    CREATE FUNCTION end_at_the_second() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE others integer;
    BEGIN
        EXECUTE format('SELECT count(*) FROM %I WHERE row_key <> $1', TG_TABLE_NAME) INTO others USING NEW.row_key;
        IF others > 0 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
        RETURN NEW;
    END
    $$;
    """


def test_postgresql_that_goes_in_the_middle_stores_none(make_app: MakeApp, admin: Engine) -> None:
    app = make_app(max_stored_bytes=10 * len(FLOWER))
    app.quota.count()
    with admin.begin() as connection:
        connection.execute(text(TRIGGERS))
        for slot in range(SLOTS):
            trigger = f"CREATE TRIGGER ends BEFORE INSERT ON {ciphertexts(slot)}"
            connection.execute(text(f"{trigger} FOR EACH ROW EXECUTE FUNCTION end_at_the_second()"))
    try:
        answer = send(app.test_client(), [FLOWER, FLOWER])
    finally:
        with admin.begin() as connection:
            connection.execute(text("DROP FUNCTION end_at_the_second() CASCADE"))
    assert (answer.status_code, answer.get_json()["error"]) == (503, "database_away")
    assert stored(admin) == (0, 0)
    assert counted(app) == 0
    assert send(app.test_client(), [FLOWER, FLOWER]).status_code == 201


def test_a_request_that_waits_in_the_middle_begins_anew_with_what_it_had(app: Mayfly) -> None:
    files = [SentFile(FLOWER), SentFile((IMAGES / "hopper.gif").read_bytes())]
    allowance = Allowance()
    assert PROOFS.take(PROOFS.units)  # others are being proved: the GIF has to wait
    try:
        with allowance.current(), pytest.raises(Later):
            app.drop.deposit_all(files, Wishes(password="sesame"), Uploader("192.0.2.1"))
    finally:
        PROOFS.give_back(PROOFS.units)
    assert stored(engine_of(app)) == (0, 0)
    image_key, _ = allowance.made["seal", 1]
    with allowance.current():
        receipts = app.drop.deposit_all(files, Wishes(password="sesame"), Uploader("192.0.2.1"))
    assert receipts[0].image_key == image_key.text, "no password is stretched twice"
    assert stored(engine_of(app)) == (2, 2)


def test_each_counts_in_the_rate_limit(make_app: MakeApp) -> None:
    client = make_app(rate_limits={"uploads": RateLimit(Rate(5, 60), None)}).test_client()
    answer = send(client, [FLOWER] * 3)
    assert answer.status_code == 201
    assert answer.headers.getlist("RateLimit") == ['"uploads";r=2;t=60']
    refused = send(client, [FLOWER] * 4)
    assert (refused.status_code, refused.get_json()["error"]) == (429, "too_many_requests")


def test_together_they_have_as_many_bytes_as_one_may(make_app: MakeApp, engine: Engine) -> None:
    client = make_app(max_image_bytes=2 * len(FLOWER)).test_client()
    assert send(client, [FLOWER] * 2).status_code == 201
    answer = send(client, [FLOWER, FLOWER, FLOWER[:2000]])
    assert (answer.status_code, answer.get_json()["error"]) == (413, "too_large")
    assert stored(engine) == (2, 2)


def test_so_many_and_no_more(client: FlaskClient, engine: Engine) -> None:
    assert len(send(client, [FLOWER] * MAX_IMAGES).get_json()["images"]) == MAX_IMAGES
    answer = send(client, [FLOWER] * (MAX_IMAGES + 1))
    assert (answer.status_code, answer.get_json()["error"]) == (400, "too_many_images")
    assert stored(engine) == (MAX_IMAGES, MAX_IMAGES)


def test_an_empty_one_among_them_is_refused(client: FlaskClient, engine: Engine) -> None:
    answer = send(client, [FLOWER, b""])
    assert (answer.status_code, answer.get_json()["error"]) == (400, "empty_image")
    assert stored(engine) == (0, 0)
