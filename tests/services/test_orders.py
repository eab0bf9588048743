"""The operator's orders apply to every upload: takedowns, blocks, uploads turned off."""

from __future__ import annotations

import hashlib
import io
import logging
from base64 import b64encode
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from sqlalchemy import Engine, event, text

from app import Mayfly
from crypto import ServerKeys, block_tags, generate_server_key
from models import ciphertexts
from services import Allowance, ImageBlocked, OperatorActions, Orders, TakenDown, Uploader, UploadsOff, Wishes
from tests.cast import FLOWER, IMAGES, SERVER_KEY, deposit, register, told
from tests.conftest import MakeApp

FAR_AWAY = 10**9
"""Seconds that no test lasts."""

NOBODY = Uploader("192.0.2.1")


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.fixture
def app(make_app: MakeApp) -> Mayfly:
    """An application that looks at the operator's row before each upload."""
    made = make_app()
    made.shards.home.clock.age = 0.0
    return made


@pytest.fixture
def operator(app: Mayfly) -> OperatorActions:
    return app.operator


def upload(client: FlaskClient, data: bytes, **options: Any) -> tuple[int, str]:
    answer = client.post("/upload", data=data, query_string=options)
    return answer.status_code, answer.get_json().get("error", "")


def stored(engine: Engine, slot: int) -> tuple[int, int]:
    """How many rows there are, of images and of sealed bytes in a slot."""
    with engine.connect() as connection:
        images = connection.execute(text("SELECT count(*) FROM images")).scalar_one()
        return images, connection.execute(text(f"SELECT count(*) FROM {ciphertexts(slot)}")).scalar_one()


# Takedown


def test_what_is_taken_down_is_gone_at_once_with_its_sealed_bytes(
    client: FlaskClient, operator: OperatorActions, engine: Engine
) -> None:
    link, other = deposit(client), deposit(client, description="another")
    with engine.connect() as connection:
        slot = connection.execute(text("SELECT max(slot) FROM images")).scalar_one()
    assert operator.take_down(link, and_block=False) == TakenDown(True)
    assert client.get(f"/image/{link}").status_code == 404
    assert client.get(f"/image/{other}").status_code == 200
    assert operator.take_down(other, and_block=False) == TakenDown(True)
    assert stored(engine, slot) == (0, 0)


def test_a_takedown_gives_the_quota_back(make_app: MakeApp, engine: Engine) -> None:
    app = make_app(max_stored_bytes=2**30)
    link = deposit(app.test_client())
    app.operator.take_down(link, and_block=False)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT sum(bytes) FROM stored")).scalar_one() == 0


def test_there_is_nothing_at_a_link_that_is_over_or_never_was(
    client: FlaskClient, operator: OperatorActions, engine: Engine
) -> None:
    gone = deposit(client)
    operator.take_down(gone, and_block=False)
    expired = deposit(client)
    with engine.begin() as connection:
        connection.execute(text("UPDATE images SET created_at = now() - interval '2s', expires_at = now()"))
    for link in (gone, expired, "A" * 32, "no link", ""):
        assert operator.take_down(link, and_block=True) == TakenDown(False)


def test_whatever_an_image_has_it_can_be_taken_down(
    app: Mayfly, client: FlaskClient, operator: OperatorActions
) -> None:
    links = [deposit(client, **{name: 2}) for name in ("views", "password", "description")]
    links.append(told(client, register(client))["hash"])
    assert [operator.take_down(link, and_block=False).removed for link in links] == [True] * 4
    assert [client.post(f"/image/{link}").status_code for link in links] == [404] * 4


def test_an_image_whose_server_key_is_gone_can_still_be_taken_down(app: Mayfly, make_app: MakeApp) -> None:
    link = deposit(app.test_client())
    other = create(make_app, generate_server_key())
    assert other.operator.take_down(link, and_block=True) == TakenDown(True, None)
    assert app.operator.take_down(link, and_block=True) == TakenDown(False)


def create(make_app: MakeApp, *server_keys: str) -> Mayfly:
    """Another application on the same database, with other server keys."""
    made = make_app(secret_keys=server_keys)
    made.shards.home.clock.age = 0.0
    return made


# The list


def test_a_file_that_is_blocked_is_refused_before_and_after_it_is_cleaned(
    client: FlaskClient, operator: OperatorActions
) -> None:
    raw = (IMAGES / "exif_gps.jpg").read_bytes()
    as_stored = client.get(f"/image/{client.post('/upload', data=raw).get_json()['hash']}").data
    assert raw != as_stored
    for digest in (sha256(raw), sha256(as_stored)):
        assert operator.block([digest]) == 1
        assert upload(client, raw) == (403, "blocked")
        assert upload(client, FLOWER) == (201, "")
        assert operator.unblock([digest]) == 1
        assert upload(client, raw) == (201, "")


@pytest.mark.parametrize("name", ["exif_gps.jpg", "hopper.png", "hopper.webp"])
def test_whoever_keeps_the_metadata_passes_no_block(
    client: FlaskClient, operator: OperatorActions, name: str
) -> None:
    """The same picture with other words in its metadata: only its cleaned form is one that was blocked."""
    raw = with_words((IMAGES / name).read_bytes(), b"others")
    digest = client.post("/upload", data=raw).get_json()["sha256"]
    operator.block([bytes.fromhex(digest)])
    assert digest != sha256(raw).hex()
    assert upload(client, raw, keep_metadata="1") == (403, "blocked")
    operator.unblock([bytes.fromhex(digest)])
    assert upload(client, raw, keep_metadata="1") == (201, "")


def test_each_of_several_is_looked_at_for_itself(client: FlaskClient, operator: OperatorActions) -> None:
    raw = with_words((IMAGES / "exif_gps.jpg").read_bytes(), b"others")
    operator.block([bytes.fromhex(client.post("/upload", data=raw).get_json()["sha256"])])
    files = [(io.BytesIO(FLOWER), "a.jpg"), (io.BytesIO(raw), "b.jpg")]
    with Allowance().current():  # as within a server, where a request keeps what it made
        answer = client.post("/upload", data={"file": files, "keep_metadata": "1"})
    assert (answer.status_code, answer.get_json()["error"]) == (403, "blocked")
    assert answer.get_json()["message"].startswith("Image 2 of 2: ")


def with_words(data: bytes, words: bytes) -> bytes:
    """Write a file anew with a comment in its Exif data."""
    with Image.open(io.BytesIO(data)) as image:
        exif, written = Image.Exif(), io.BytesIO()
        exif[0x9286] = words  # UserComment
        image.save(written, image.format, exif=exif)
    return written.getvalue()


def test_every_way_in_is_blocked(client: FlaskClient, operator: OperatorActions) -> None:
    operator.block([sha256(FLOWER)])
    header = register(client)
    form = {"file": (io.BytesIO(FLOWER), "flower.jpg")}
    encoded = b64encode(FLOWER).decode()
    answers = [
        client.post("/", data=FLOWER),
        client.post("/upload", data=form),
        client.put("/flower.jpg", data=FLOWER),
        client.put("/", data=FLOWER),
        client.post("/images/upload", data=FLOWER, headers=header),
        client.post("/api/images", json={"data": encoded}, headers=header),
        client.post("/upload", data=FLOWER, query_string={"keep_metadata": "1"}),
    ]
    assert [answer.status_code for answer in answers] == [403] * len(answers)


def test_a_takedown_may_block_what_the_receipt_called_its_digest(
    client: FlaskClient, operator: OperatorActions
) -> None:
    receipt = told(client)
    assert operator.take_down(receipt["hash"], and_block=True) == TakenDown(
        True, bytes.fromhex(receipt["sha256"])
    )
    assert upload(client, FLOWER) == (403, "blocked")


def test_an_image_with_a_password_keeps_its_digest(
    client: FlaskClient, operator: OperatorActions, engine: Engine
) -> None:
    link = deposit(client, password="secret")
    assert operator.take_down(link, and_block=True) == TakenDown(True, None)
    assert upload(client, FLOWER) == (201, "")


def test_a_digest_is_blocked_once(operator: OperatorActions) -> None:
    digests = [sha256(b"a"), sha256(b"b"), sha256(b"a")]
    assert operator.block(digests) == 2
    assert operator.block(digests) == 0
    assert operator.unblock([sha256(b"a")]) == 1
    assert operator.unblock([sha256(b"a")]) == 0


def test_the_database_tells_nobody_what_is_blocked(operator: OperatorActions, engine: Engine) -> None:
    digest = sha256(FLOWER)
    operator.block([digest])
    with engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM blocked")).one()
    assert digest not in bytes(row.tag)
    (mine,), (theirs,) = (
        block_tags(ServerKeys.parse([key]), digest) for key in (SERVER_KEY, generate_server_key())
    )
    assert bytes(row.tag) == mine != theirs


def test_a_block_outlives_a_rotation_and_moves_to_the_newest_key(make_app: MakeApp) -> None:
    old, digest = make_app(), sha256(FLOWER)
    old.operator.block([digest])
    newest = generate_server_key()
    both = create(make_app, newest, SERVER_KEY)
    assert upload(both.test_client(), FLOWER) == (403, "blocked")
    assert both.operator.block([digest]) == 0, "it moves, and is none more"
    alone = create(make_app, newest)
    assert upload(alone.test_client(), FLOWER) == (403, "blocked")
    assert alone.operator.unblock([digest]) == 1


# The switch, and what all of it costs


def test_uploads_that_are_off_are_refused_and_everything_else_goes_on(
    client: FlaskClient, operator: OperatorActions
) -> None:
    made = told(client)
    assert operator.switch_uploads(on=False)
    assert not operator.switch_uploads(on=False)
    refused = client.post("/upload", data=b"no image at all")
    assert (refused.status_code, refused.get_json()["error"]) == (503, "uploads_off")
    assert int(refused.headers["Retry-After"]) > 0
    assert client.get(f"/image/{made['hash']}").data == FLOWER
    assert client.delete(f"/images/{made['image_key']}").status_code == 200
    register(client)
    for path in ("/", "/healthz", "/cleanup"):
        assert client.get(path).status_code == 200
    part = client.get("/readyz").get_json()["parts"]["uploads"]
    assert part["ok"]
    assert "off since" in part["message"]
    assert operator.switch_uploads(on=True)
    assert upload(client, FLOWER) == (201, "")
    assert client.get("/readyz").get_json()["parts"]["uploads"]["message"] == "Uploads are on."


def test_looking_for_orders_costs_an_upload_no_question(
    app: Mayfly, operator: OperatorActions, engine: Engine
) -> None:
    operator.block([sha256(b"another")])
    client = app.test_client()
    app.shards.home.clock.age = FAR_AWAY
    deposit(client)
    asked: list[str] = []
    event.listen(app.shards.home.engine, "checkout", lambda *_: asked.append("connection"))
    deposit(client)
    assert asked == ["connection"], "the one that stores the image"


def test_an_answer_of_the_last_second_is_taken_and_then_asked_anew(
    app: Mayfly, operator: OperatorActions
) -> None:
    app.shards.home.clock.age = FAR_AWAY
    app.drop.deposit(FLOWER, Wishes(), NOBODY)
    operator.switch_uploads(on=False)
    operator.block([sha256(FLOWER)])
    app.drop.deposit(FLOWER, Wishes(), NOBODY)
    app.shards.home.clock.age = 0.0
    with pytest.raises(UploadsOff):
        app.drop.deposit(FLOWER, Wishes(), NOBODY)
    operator.switch_uploads(on=True)
    with pytest.raises(ImageBlocked):
        app.drop.deposit(FLOWER, Wishes(), NOBODY)


def test_a_list_is_read_anew_only_when_it_changed(app: Mayfly, operator: OperatorActions) -> None:
    orders = Orders(app.shards, ServerKeys.parse([SERVER_KEY]))
    reads: list[str] = []
    event.listen(
        engine_of(app),
        "before_cursor_execute",
        lambda *given: reads.append(given[2]) if "FROM blocked" in given[2] else None,
    )
    for _ in range(3):
        orders.check_bytes(b"x")
    assert len(reads) == 1
    operator.block([sha256(b"x")])
    reads.clear()
    for _ in range(3):
        with pytest.raises(ImageBlocked):
            orders.check_bytes(b"x")
    assert len(reads) == 1


def engine_of(app: Mayfly) -> Engine:
    return app.shards.home.engine


def test_each_deed_and_each_refusal_leaves_a_line_that_names_nothing(
    client: FlaskClient, operator: OperatorActions, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="mayfly.audit")
    receipt = told(client)
    link, digest = receipt["hash"], receipt["sha256"]
    operator.take_down(link, and_block=True)
    upload(client, FLOWER)
    operator.unblock([bytes.fromhex(digest)])
    operator.switch_uploads(on=False)
    upload(client, FLOWER)
    operator.switch_uploads(on=True)
    operator.take_down(link, and_block=False)
    lines = [record.getMessage() for record in caplog.records if record.name == "mayfly.audit"]
    assert lines == [
        "takedown removed=yes blocked=yes",
        "refused why=blocked",
        "unblock digests=1 gone=1",
        "uploads now=off changed=yes",
        "refused why=uploads_off",
        "uploads now=on changed=yes",
        "takedown removed=no blocked=no",
    ]
    assert not any(secret in caplog.text for secret in (link, digest, receipt["image_key"], "127.0.0.1"))


def test_a_picture_that_differs_by_a_pixel_is_another(client: FlaskClient, operator: OperatorActions) -> None:
    """What a block is not: it knows a file, not what is to be seen on it."""
    written = io.BytesIO()
    Image.new("RGB", (8, 8), (1, 2, 3)).save(written, "PNG")
    other = io.BytesIO()
    Image.new("RGB", (8, 8), (1, 2, 4)).save(other, "PNG")
    operator.block([sha256(written.getvalue())])
    assert upload(client, written.getvalue()) == (403, "blocked")
    assert upload(client, other.getvalue()) == (201, "")
