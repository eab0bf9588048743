from __future__ import annotations

from flask.testing import FlaskClient

from app import create_app
from config import Config
from tests.cast import SERVER_KEY


def test_it_tells_of_every_part(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    told = answer.get_json()
    assert told["status"] == "ready"
    assert set(told["parts"]) == {"database", "sandbox", "uploads"}
    assert all(part["ok"] and part["message"] for part in told["parts"].values())
    assert answer.headers["Cache-Control"] == "no-store"


def test_one_bad_part_makes_it_a_503() -> None:
    nowhere = Config(database_url="postgresql+psycopg2://me:hunter2@127.0.0.1:1/x", secret_keys=(SERVER_KEY,))
    answer = create_app(nowhere).test_client().get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "unready"
    assert not answer.get_json()["parts"]["database"]["ok"]
    assert answer.get_json()["parts"]["sandbox"]["ok"]
    assert "hunter2" not in answer.text
