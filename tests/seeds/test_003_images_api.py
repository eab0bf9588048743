"""Seed 003, Images API: registration, login, one's page, base64 uploads, raw images; as its document prints them."""

from __future__ import annotations

from base64 import b64encode, encodebytes
from datetime import datetime
from uuid import UUID, uuid4

import pytest
import requests

from tests.cast import FLOWER
from tests.processes import Served

DATA = b64encode(FLOWER).decode()


@pytest.fixture
def username(server: Served) -> str:
    """Somebody who registered with the payload of the document, under a name of their own."""
    name = f"user-{uuid4()}"
    payload = {"login": name, "email": f"{name}@email.com", "password": "secret"}
    response = requests.post(f"{server.url}/api/registration", json=payload, timeout=20)
    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == {"createTime", "email", "id", "login"}
    assert (answer["email"], answer["login"]) == (payload["email"], name)
    UUID(answer["id"])
    assert datetime.fromisoformat(answer["createTime"]).tzinfo
    return name


@pytest.fixture
def headers(server: Served, username: str) -> dict[str, str]:
    """Its answer to a login, which is the header at once; asked with GET and a body, as it has it."""
    payload = {"login": username, "password": "secret"}
    response = requests.get(f"{server.url}/api/login", json=payload, timeout=20)
    assert response.status_code == 200
    assert list(response.json()) == ["Authorization"]
    return dict(response.json())


def test_upload_me_and_raw_image(server: Served, headers: dict[str, str], username: str) -> None:
    payload = {"data": DATA, "description": "image description"}
    response = requests.post(f"{server.url}/api/images", json=payload, headers=headers, timeout=20)
    assert response.status_code == 201
    image = response.json()
    assert image["login"] == username
    assert image["source"] == f"/api/images/{image['id']}"
    assert datetime.fromisoformat(image["upload_date"]).utcoffset() is not None

    me = requests.get(f"{server.url}/api/me", headers=headers, timeout=20).json()
    assert set(me) == {"id", "images", "login"}
    assert me["login"] == username
    assert me["images"] == [
        {
            "description": "image description",
            "id": image["id"],
            "source": image["source"],
            "upload_date": image["upload_date"],
        }
    ]

    browser = {
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
    }
    raw = requests.get(server.url + image["source"], headers=browser, timeout=20)
    assert (raw.headers["Content-Type"], raw.content) == ("image/jpeg", FLOWER)
    assert raw.headers["Content-Disposition"].startswith("inline")


def test_base64_in_lines_and_as_a_data_url(server: Served, headers: dict[str, str]) -> None:
    for data in (encodebytes(FLOWER).decode(), f"data:image/jpeg;base64,{DATA}"):
        response = requests.post(f"{server.url}/api/images", json={"data": data}, headers=headers, timeout=20)
        assert response.status_code == 201
        raw = requests.get(server.url + response.json()["source"], timeout=20)
        assert raw.content == FLOWER


def test_without_the_header_there_is_no_page(server: Served) -> None:
    for response in (
        requests.get(f"{server.url}/api/me", timeout=20),
        requests.post(f"{server.url}/api/images", json={"data": DATA}, timeout=20),
    ):
        assert (response.status_code, response.json()["error"]) == (401, "account_asked")


def test_the_token_of_its_document_is_not_taken(server: Served) -> None:
    token = (
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9"
        ".eyJsb2dpbiI6InVzZXJuYW1lIiwiYXV0aFRpbWUiOiIyMDIyLTA1LTA5IDA1OjE2OjM3LjIxNzU5MiswMDowMCJ9"
        ".Es8VrKnVc84Z4MYvk_58wzgRWEDpd1wKOAY2FoDw4Ho"
    )
    response = requests.get(f"{server.url}/api/me", headers={"Authorization": token}, timeout=20)
    assert (response.status_code, response.json()["error"]) == (401, "token_refused")
