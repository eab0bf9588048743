"""The schema goes up and down on data, and is what the models say."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask_migrate import check, downgrade, upgrade
from sqlalchemy import inspect

from app import Mayfly, create_app, migrate
from config import Config
from tests.cast import FLOWER, SERVER_KEY, deposit, log_in, noise, register, told
from tests.databases import empty_database, schema

FOLDER = Path(__file__).parent.parent / "migrations" / "versions"

FROZEN = {
    "0001_images.py": "c5c90a9ca4268452d36b07825e4e991eec01d47237787fe59820ba03ee195823",
    "0002_guesses_and_stored_bytes.py": "59bf8e3e2c2ff27b5c6c4cd035762e1fba82367e64b09c8d22836740e55f2990",
    "0003_owners.py": "6ef72d6c88e9deb4721d36ae5c2dab1f7d47f4aaad182da338e0ba8ff0f249c8",
    "0004_rows_in_a_page.py": "e6d7bc5dfb555314d31d2ace33c146c4154f9a1af8cc180739a9fb626332dfd1",
    "0005_living_image.py": "c8260367de82fc62c13cee4930c1ab08b8a06cc35b7f1c1a9bce148387b73c5f",
    "0006_public_server.py": "9830a4e673534206699950e3d874bb8fdac7ada6e382f06a0a46059f015fb8db",
    "0007_receipts.py": "9fddc74fe96d74708e1f8703c1023942b74e935fa85866f85457b34ea07d835d",
    "0008_unlogged_slots.py": "cb6f1ca50e3de6851df98f04fe9bd6f9a701fcd9ee143ce9051bac9af060043a",
    "0009_kept_counts.py": "7eb264afc6c6713f2478e42cff584ba25469c6635cd82e6670655911e700a860",
}
"""The SHA-256 of each migration as it landed: databases have run it, and never run a later change of it."""

REVISIONS = sorted(name[:4] for name in FROZEN)
ACCOUNTS_SINCE = "0003"


@pytest.fixture
def empty_app(database_url: str) -> Iterator[Mayfly]:
    """An application on a database without a table."""
    with empty_database(database_url, "migrations") as url:
        app = create_app(Config(database_url=url, secret_keys=(SERVER_KEY,)))
        yield app
        app.shards.home.engine.dispose()


def tables(app: Mayfly) -> set[str]:
    return set(inspect(app.shards.home.engine).get_table_names())


def test_the_migrations_are_numbered_in_one_line() -> None:
    numbers = sorted(path.name[:4] for path in FOLDER.glob("*.py"))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_a_migration_that_landed_is_never_changed() -> None:
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.py")}
    assert found == FROZEN, "write another migration; a new one gets its line here when it lands"


def test_the_migrated_schema_is_what_the_models_say(empty_app: Mayfly) -> None:
    migrate(empty_app)
    with empty_app.app_context():
        check()  # exits with an error where they differ


def test_down_and_up_again_with_images_in_it(empty_app: Mayfly) -> None:
    migrate(empty_app)
    assert "ciphertexts_127" in tables(empty_app)
    deposit(empty_app.test_client())
    with empty_app.app_context():
        downgrade(revision="base")
        assert tables(empty_app) == {"alembic_version"}
        upgrade()
        empty_app.shards.home.engine.dispose()
    link = deposit(empty_app.test_client())
    assert empty_app.test_client().get(f"/image/{link}").status_code == 200


@pytest.mark.parametrize("oldest", REVISIONS[:-1])
def test_what_lives_outlives_a_walk_to_an_older_schema_and_back(empty_app: Mayfly, oldest: str) -> None:
    migrate(empty_app)
    client = empty_app.test_client()
    large = noise(800, 700)
    put = client.put("/noise.png", data=large, headers={"Accept": "application/json"}).get_json()
    limited = f"/image/{deposit(client, views=2)}"
    assert client.post(limited).status_code == 200
    header = register(client)
    owned = told(client, header, model_id="chair")
    walk(empty_app, oldest)

    assert client.get(f"/image/{put['hash']}").data == large
    assert [client.post(limited).status_code for _ in range(2)] == [200, 404]
    assert client.get(f"/image/{owned['hash']}").data == FLOWER
    if oldest < ACCOUNTS_SINCE:  # an older schema has no room for them
        assert client.get("/images", headers=register(client)).get_json()["data"] == []
    else:
        assert client.get("/image/chair", headers=log_in(client)).data == FLOWER
        assert [image["model_id"] for image in client.get("/images", headers=header).get_json()["data"]] == [
            "chair"
        ]
    assert client.delete(f"/images/{put['image_key']}").status_code == 200


def walk(app: Mayfly, oldest: str) -> None:
    """Take the schema down to a revision and up again, one migration at a time."""
    below = [revision for revision in REVISIONS if revision >= oldest]
    for move, revision in [(downgrade, r) for r in reversed(below)] + [(upgrade, r) for r in below]:
        with app.app_context():
            move(revision=revision)
            app.shards.home.engine.dispose()
            assert schema(app.config["SQLALCHEMY_DATABASE_URI"]) == revision


def test_migrating_twice_changes_nothing(empty_app: Mayfly) -> None:
    migrate(empty_app)
    link = deposit(empty_app.test_client())
    migrate(empty_app)
    assert empty_app.test_client().get(f"/image/{link}").status_code == 200
