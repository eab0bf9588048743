"""The persons and pictures of the tests. Alice uploads, Bob has her link, Charlie must never see anything."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from flask.testing import FlaskClient
from PIL import Image

from app import Mayfly
from crypto import Claims, OwnerSeal, ServerKeys, hash_login_password, issue_token
from imaging import examine
from models import insert_owner
from services.account import Secrets

IMAGES = Path(__file__).parent / "images"
PASSWORD = "correct horse"
TOKEN_SECONDS = 600
SERVER_KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="


def cleaned(name: str) -> bytes:
    """A picture of the folder as Mayfly stores it: without its metadata, so that it comes back byte for byte."""
    data = (IMAGES / name).read_bytes()
    return bytes(examine(data)[1])


FLOWER = cleaned("flower.jpg")


def noise(width: int, height: int, form: str = "PNG") -> bytes:
    """A picture of random pixels, which nothing makes smaller: 3 bytes a pixel as PNG."""
    picture = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    written = io.BytesIO()
    picture.save(written, form, compress_level=0)
    return written.getvalue()


def deposit(client: FlaskClient, **options: object) -> str:
    """Upload a photograph as Alice would, and return its link."""
    return str(told(client, None, **options)["hash"])


def told(client: FlaskClient, header: dict[str, str] | None = None, **options: object) -> dict[str, Any]:
    """Upload a photograph, with an account's header or without, and return everything that is told."""
    data = {"file": (io.BytesIO(FLOWER), "flower.jpg")}
    given = {name: str(value) for name, value in options.items()}
    answer = client.post("/upload", data={**data, **given}, headers=header)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json())


def register(client: FlaskClient, login: str = "alice") -> dict[str, str]:
    """Write an account as a registration does, and return the header that its token stands in."""
    app, owner, now, email = client.application, uuid4(), int(time.time()), f"{login}@example.org"
    assert isinstance(app, Mayfly)
    keys = ServerKeys.parse(app.settings.secret_keys or ())
    seal = OwnerSeal(keys)
    account = seal.seal_account(owner, Secrets(login, email, hash_login_password(PASSWORD)).encode(), at=now)
    with app.shards.home.engine.begin() as connection:
        written = insert_owner(connection, owner, account, seal.login_tags(login), seal.email_tags(email))
    assert written is not None, f"the name {login} is taken"
    return {"Authorization": issue_token(keys, Claims(owner, 0, now + TOKEN_SECONDS), at=now)}


def log_in(client: FlaskClient, login: str = "alice", password: str = PASSWORD) -> dict[str, str]:
    """Log in and return the header, as clients send it back."""
    answer = client.post("/api/login", json={"login": login, "password": password})
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())
