"""An account whose texts are all known, used in every possible way, to search for traces of them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import requests

from crypto import OwnerSeal, ServerKeys
from tests.cast import FLOWER
from tests.faults.canary import SECONDS, Canary, word
from tests.faults.needles import Needle

post = partial(requests.post, timeout=SECONDS)
get = partial(requests.get, timeout=SECONDS)


@dataclass(frozen=True)
class Resident:
    """Somebody with an account: what they registered with, what they were told, what they mistyped."""

    url: str
    login: str = field(default_factory=lambda: word("login"))
    email: str = field(default_factory=lambda: word("email") + "@example.org")
    password: str = field(default_factory=lambda: word("password"))
    mistyped: str = field(default_factory=lambda: word("mistyped"))
    tokens: list[str] = field(default_factory=list)

    def move_in(self) -> None:
        """Register and log in; an account that is taken is asked for again."""
        fields = {"login": self.login, "email": self.email, "password": self.password}
        for due in (201, 409):
            assert post(f"{self.url}/api/registration", json=fields).status_code == due
        self.log_in()

    def log_in(self) -> None:
        """Log in by either method, and with a wrong password."""
        for method, password, due in (
            ("GET", self.password, 200),
            ("POST", self.password, 200),
            ("POST", self.mistyped, 401),
        ):
            fields = {"login": self.login, "password": password}
            answer = requests.request(method, f"{self.url}/api/login", json=fields, timeout=SECONDS)
            assert answer.status_code == due, answer.text
            self.tokens.extend(answer.json().get("Authorization", "").split())

    @property
    def header(self) -> dict[str, str]:
        """The header of the newest token."""
        return {"Authorization": self.tokens[-1]}

    def needles(self, server_key: str, rows: list[tuple[object, ...]]) -> Iterator[Needle]:
        """Everything that must be nowhere; ``rows`` are the accounts, whose hashes of passwords are opened."""
        seal = OwnerSeal(ServerKeys.parse([server_key]))
        for owner, account in rows:
            hashed = seal.open_account(UUID(str(owner)), bytes(account))  # type: ignore[call-overload]
            yield Needle("password's hash", hashed.rpartition(b"$")[2].rstrip(b'"}'))
        for what in ("login", "email", "password", "mistyped"):
            yield Needle(f"account's {what}", getattr(self, what).encode())
        for token in self.tokens:
            yield Needle("token", token.rpartition(".")[2].encode())

    def use(self, canary: Canary) -> Iterator[tuple[int, requests.Response]]:
        """Ask for one's own images in every way, one of them this one; each answer with the status that is due."""
        for path in (
            "/api/me",
            "/images",
            f"/images?prefix={canary.filename}",
            f"/images?model_id={canary.model_id}",
        ):
            yield 200, get(self.url + path, headers=self.header)
        cursor = get(f"{self.url}/images?limit=1", headers=self.header).json()["next"]
        if cursor:
            yield 200, get(f"{self.url}/images?cursor={cursor}", headers=self.header)
        counts = canary.views or canary.password
        model = f"{self.url}/image/{canary.model_id}"
        yield 405 if counts else 200, get(model, headers=self.header)
        field = {"password": canary.password} if canary.password else {}
        yield 200, post(model, data=field, headers=self.header)

    def fail(self, canary: Canary) -> Iterator[tuple[int, requests.Response]]:
        """Requests that go wrong, each with the status that is due."""
        encoded, images = b64encode(canary.image).decode(), f"{self.url}/api/images"
        cut = b64encode(canary.image[: len(canary.image) // 2]).decode()
        for fields, due in (
            ({"data": encoded, "description": canary.description, canary.album: 1}, 400),
            ({"data": encoded[:-1], "description": canary.description}, 400),
            ({"data": encoded, "lifetime": canary.description}, 400),
            ({"data": cut, "description": canary.description}, 422),
            ({"data": encoded[100:], "filename": canary.filename}, 415),
        ):
            yield due, post(images, json=fields, headers=self.header)
        yield 400, post(images, data=encoded, headers=self.header)
        yield 401, post(images, json={"data": encoded}, headers={"Authorization": self.tokens[-1][:-2]})
        yield 400, post(f"{self.url}/api/registration", json={"login": self.login, "mail": self.email})
        yield 400, post(f"{self.url}/api/registration", data=f"login={self.login}&password={self.password}")
        yield 400, post(f"{self.url}/api/login", json={"login": self.login, "password": [self.password]})

    def register_again(self) -> requests.Response:
        """Ask for a new account, with the words of this one."""
        fields = {"login": self.login + "x", "email": "x" + self.email, "password": self.password}
        return post(f"{self.url}/api/registration", json=fields)

    def upload(self, **options: str) -> requests.Response:
        """Upload a picture that is no secret."""
        return post(f"{self.url}/upload", params=options, data=FLOWER, headers=self.header)

    def change_password(self) -> None:
        """Take the mistyped password for one's own."""
        fields = {"password": self.password, "new_password": self.mistyped}
        answer = requests.put(
            f"{self.url}/api/me/password", json=fields, headers=self.header, timeout=SECONDS
        )
        self.tokens.append(answer.json()["Authorization"])

    def move_out(self) -> requests.Response:
        """Delete the account, with everything it owns."""
        return requests.delete(f"{self.url}/api/me", headers=self.header, timeout=SECONDS)
