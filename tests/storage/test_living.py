"""A living image and its sealed bytes in one answer: what comes along, and what never does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine, text

from models import ImageRow, insertion
from storage import RowStore, find_living
from storage.rows import ROW_BYTES

SLOT = 9
MOST = 40_000
SEALED = os.urandom(MOST + 100)


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def row(**changes: object) -> ImageRow:
    now = int(time.time())
    usual = ImageRow(
        os.urandom(32), os.urandom(32), "rows", SLOT, MOST, None, now - 9, now + 300, b"details \0"
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def stored(connection: Connection, image: ImageRow) -> ImageRow:
    store = RowStore(survives_crash=image.store == "rows")
    store.put(connection, SLOT, image.row_key, [SEALED], insertion(connection, image))
    return image


@pytest.mark.parametrize("store", ["rows", "unlogged"])
@pytest.mark.parametrize("details", [b"", b"\0" * 300, os.urandom(9000)])
def test_a_small_image_comes_with_its_sealed_bytes(
    connection: Connection, details: bytes, store: str
) -> None:
    image = stored(connection, row(details=details, store=store))
    assert len(SEALED) > 2 * ROW_BYTES
    found = find_living(connection, image.row_key, MOST)
    assert found == (image, bytearray(SEALED))
    assert found[0] == image


def test_what_is_larger_comes_without(connection: Connection) -> None:
    image = stored(connection, row())
    assert find_living(connection, image.row_key, MOST - 1) == (image, None)


def test_what_has_limited_views_comes_without(connection: Connection) -> None:
    """Its bytes are for who claims a view; until the last one is claimed, it lives."""
    image = stored(connection, row(views_left=1))
    assert find_living(connection, image.row_key, MOST) == (image, None)
    used_up = stored(connection, row(views_left=0))
    assert find_living(connection, used_up.row_key, MOST) is None


def test_nothing_of_what_is_over_or_was_never_there(connection: Connection) -> None:
    over = stored(connection, row(expires_at=int(time.time()) - 1))
    assert find_living(connection, over.row_key, MOST) is None
    assert find_living(connection, b"?" * 32, MOST) is None


def test_a_row_without_its_bytes_is_still_found(connection: Connection) -> None:
    image = stored(connection, row())
    RowStore().delete(connection, SLOT, [image.row_key])
    assert find_living(connection, image.row_key, MOST) == (image, None)


def test_the_clock_is_asked_at_each_statement(connection: Connection) -> None:
    """Not when the transaction began, nor when PostgreSQL planned the function."""
    image = stored(connection, row(created_at=int(time.time()) - 9, expires_at=int(time.time()) + 2))
    assert find_living(connection, image.row_key, MOST) is not None
    connection.execute(text("SELECT pg_sleep_until(to_timestamp(:end))"), {"end": image.expires_at})
    assert find_living(connection, image.row_key, MOST) is None
