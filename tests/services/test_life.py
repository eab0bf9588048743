"""An image lives until its expiry by the database's clock, and nobody can move that."""

from __future__ import annotations

import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from crypto import Link
from models import ciphertexts
from tests.cast import deposit
from tests.conftest import MakeApp


def row_of(engine: Engine, link: str) -> Any:
    with engine.connect() as connection:
        statement = text("SELECT * FROM images WHERE row_key = :key")
        return connection.execute(statement, {"key": Link.parse(link).row_key}).one()


def change(engine: Engine, statement: str, link: str, **values: Any) -> None:
    with engine.begin() as connection:
        assert connection.execute(text(statement), {"key": Link.parse(link).row_key, **values}).rowcount >= 1


def test_an_image_is_dead_at_its_expiry_with_every_purge_switched_off(
    client: FlaskClient, engine: Engine
) -> None:
    link = deposit(client, lifetime=2)
    assert client.get(f"/image/{link}").status_code == 200
    time.sleep(2.05)
    gone = client.get(f"/image/{link}")
    assert gone.status_code == 404
    assert gone.data == client.get("/image/" + "x" * 32).data
    assert client.head(f"/image/{link}").status_code == 404
    assert row_of(engine, link), "nothing was purged: the read itself refused"


def test_images_of_one_moment_die_each_at_their_own_time(client: FlaskClient) -> None:
    short, long = deposit(client, lifetime=1), deposit(client, lifetime=60)
    time.sleep(1.05)
    assert client.get(f"/image/{short}").status_code == 404
    assert client.get(f"/image/{long}").status_code == 200


@pytest.mark.parametrize(
    "moved",
    [
        "expires_at + interval '1 hour'",
        "expires_at - interval '10 seconds'",
        "expires_at + interval '1 second'",
        "expires_at + interval '1 microsecond'",
        "'infinity'",
        "'9999-12-31'",
    ],
)
def test_an_expiry_that_was_moved_makes_the_image_unreadable(
    client: FlaskClient, engine: Engine, moved: str
) -> None:
    link = deposit(client)
    change(engine, f"UPDATE images SET expires_at = {moved} WHERE row_key = :key", link)
    assert client.get(f"/image/{link}").status_code == 404
    assert client.head(f"/image/{link}").status_code == 404


def test_an_expiry_that_is_moved_back_in_time_makes_it_readable_again(
    client: FlaskClient, engine: Engine
) -> None:
    """The key, not the row's history, decides: so a test that moves an expiry really tested the key."""
    link = deposit(client)
    for step in ("+", "-"):
        statement = f"UPDATE images SET expires_at = expires_at {step} interval '1 hour' WHERE row_key = :key"
        change(engine, statement, link)
    assert client.get(f"/image/{link}").status_code == 200


def test_a_row_restored_from_a_backup_after_its_time_stays_dead(client: FlaskClient, engine: Engine) -> None:
    link = deposit(client, lifetime=1)
    saved = row_of(engine, link)._mapping
    change(engine, "DELETE FROM images WHERE row_key = :key", link)
    time.sleep(1.05)
    names = ", ".join(saved)
    restore = f"INSERT INTO images ({names}) VALUES ({', '.join(f':{name}' for name in saved)})"
    with engine.begin() as connection:
        connection.execute(text(restore), dict(saved))
    assert client.get(f"/image/{link}").status_code == 404
    change(engine, "UPDATE images SET expires_at = now() + interval '1 hour' WHERE row_key = :key", link)
    assert client.get(f"/image/{link}").status_code == 404


def test_sealed_bytes_of_another_row_do_not_open(client: FlaskClient, engine: Engine) -> None:
    alices, charlies = deposit(client), deposit(client)
    slots = {link: row_of(engine, link).slot for link in (alices, charlies)}
    with engine.begin() as connection:
        sealed = connection.scalar(
            text(f"SELECT sealed FROM {ciphertexts(slots[alices])} WHERE row_key = :key"),
            {"key": Link.parse(alices).row_key},
        )
        connection.execute(
            text(f"UPDATE {ciphertexts(slots[charlies])} SET sealed = :sealed WHERE row_key = :key"),
            {"sealed": sealed, "key": Link.parse(charlies).row_key},
        )
    assert client.get(f"/image/{charlies}").status_code == 404
    assert client.get(f"/image/{alices}").status_code == 200


def test_details_of_another_row_do_not_open(client: FlaskClient, engine: Engine) -> None:
    alices, charlies = deposit(client), deposit(client)
    details = row_of(engine, alices).details
    change(engine, "UPDATE images SET details = :details WHERE row_key = :key", charlies, details=details)
    assert client.get(f"/image/{charlies}").status_code == 404


def test_a_row_whose_bytes_are_gone_is_gone(client: FlaskClient, engine: Engine) -> None:
    link = deposit(client)
    change(engine, f"DELETE FROM {ciphertexts(row_of(engine, link).slot)} WHERE row_key = :key", link)
    assert client.get(f"/image/{link}").status_code == 404


def test_an_older_server_key_still_opens_and_a_removed_one_no_more(make_app: MakeApp) -> None:
    old, new = ("A" * 43 + "=", "B" * 42 + "A=")
    link = deposit(make_app(secret_keys=(old,)).test_client())
    assert make_app(secret_keys=(new, old)).test_client().get(f"/image/{link}").status_code == 200
    assert make_app(secret_keys=(new,)).test_client().get(f"/image/{link}").status_code == 404


def test_the_database_shows_sizes_and_times_and_neither_names_nor_words(
    client: FlaskClient, engine: Engine, flower: bytes
) -> None:
    words = {"filename": "holiday.jpg", "description": "grandmother", "metadata": '{"album": "secretplace"}'}
    link = deposit(client, **words)
    with engine.connect() as connection:
        slot = row_of(engine, link).slot
        dump = [
            bytes(cell) if isinstance(cell, memoryview) else str(cell).encode()
            for table in ("images", ciphertexts(slot))
            for row in connection.execute(text(f"SELECT * FROM {table}"))
            for cell in row
        ]
    everything = b"\n".join(dump)
    assert str(len(flower)).encode() in everything
    for word in (
        b"holiday",
        b"grandmother",
        b"album",
        b"secretplace",
        b"jpeg",
        flower[1000:1016],
        link.encode(),
    ):
        assert word not in everything
    assert Link.parse(link).secret not in everything
