"""What a copy of the database opens and what it doesn't, as the threat model says."""

from __future__ import annotations

import time

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from crypto import Link, SealedDetails, ServerKeys, Unopenable, open_sealed
from models import ciphertexts
from tests.cast import SERVER_KEY, deposit
from tests.services.test_life import change, row_of

OTHER_KEY = "B" * 42 + "A="


def copied(engine: Engine, link: str) -> tuple[int, bytes, bytearray]:
    """What a copy of the database holds of an image: its expiry, the sealed details and the sealed bytes."""
    row = row_of(engine, link)
    with engine.connect() as connection:
        statement = text(f"SELECT sealed FROM {ciphertexts(row.slot)} WHERE row_key = :key ORDER BY part")
        pieces = list(connection.scalars(statement, {"key": Link.parse(link).row_key}))
    return int(row.expires_at.timestamp()), bytes(row.details), bytearray(b"".join(pieces))


def test_a_copy_of_the_database_opens_only_with_link_and_server_key(
    client: FlaskClient, engine: Engine
) -> None:
    alices, charlies = deposit(client), deposit(client)
    expires_at, details, _ = copied(engine, alices)
    keys = ServerKeys.parse([SERVER_KEY])
    assert SealedDetails.of(Link.parse(alices), keys, expires_at, details)
    with pytest.raises(Unopenable):  # another link, with the right server key
        SealedDetails.of(Link.parse(charlies), keys, expires_at, details)
    with pytest.raises(Unopenable):  # the right link, without the server key
        SealedDetails.of(Link.parse(alices), ServerKeys.parse([OTHER_KEY]), expires_at, details)


def test_a_copy_with_link_and_server_key_opens_even_after_the_end(
    client: FlaskClient, engine: Engine
) -> None:
    link = deposit(client, lifetime=1)
    before = client.get(f"/image/{link}").data
    expires_at, details, sealed = copied(engine, link)
    time.sleep(1.1)
    assert client.get(f"/image/{link}").status_code == 404
    found = SealedDetails.of(Link.parse(link), ServerKeys.parse([SERVER_KEY]), expires_at, details)
    assert bytes(open_sealed(found.open(None)[0].image, sealed)) == before


def test_who_writes_to_the_database_can_give_views_back(client: FlaskClient, engine: Engine) -> None:
    link = deposit(client, views=2)
    assert client.post(f"/image/{link}").headers["Views-Left"] == "1"
    change(engine, "UPDATE images SET views_left = 2 WHERE row_key = :key", link)
    assert client.post(f"/image/{link}").headers["Views-Left"] == "1"
