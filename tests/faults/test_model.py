"""The whole service against a model of a few lines: two clients, an account and the operator, in any order."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from app import Mayfly
from services import Shard
from tests.cast import FLOWER, cleaned, register
from tests.conftest import MakeApp
from tests.faults.figures import FULL, note
from tests.faults.life import Life, allowed, expiry
from tests.shards import databases, name_of
from units import Rate, RateLimit

PICTURES = {"flower": FLOWER, "hopper": cleaned("hopper.jpg")}
DIGESTS = {name: hashlib.sha256(data).digest() for name, data in PICTURES.items()}
CLIENTS = 0, 1
CODE = "an-upload-code"
CODES = (("friends", CODE),)
PASSWORD, WRONG = "open sesame", "open barley"
MOST_CLIENT, MOST_OWNER = 4, 2
"""So many images may a client and the account have in all databases together; each database counts its part."""
GUESSES = 5
MOST = {"uploads": 12, "passwords": 6}
"""So many uploads may one client ask for in a day, and try so many wrong passwords and codes."""
DAY = 86_400
EXAMPLES, STEPS = (300, 50) if FULL else (100, 25)


@dataclass(eq=False, kw_only=True)
class Known(Life):
    """What the model knows of an image."""

    told: dict[str, Any] = field(repr=False)
    shard: str
    picture: str
    client: int
    owned: bool
    password: bool
    wrong: Counter[int] = field(default_factory=Counter)
    opened: int = 0
    used_up: bool = False
    """Whether it is gone by its last view: then its uploader is still told when it was opened."""


class Asked:
    """An answer, and when it was asked for."""

    def __init__(self, answer: TestResponse, began: float) -> None:
        self.answer, self.began, self.ended = answer, began, time.time()
        self.status = answer.status_code
        self.error: str | None = answer.get_json()["error"] if self.status >= 400 else None
        """The error code of the answer."""

    @property
    def rates(self) -> dict[str, int]:
        """How much more the rate limits allow, as it was told."""
        told = re.findall(r'"([a-z]+)";r=([0-9]+);t=[0-9]+', self.answer.headers.get("RateLimit", ""))
        return {name: int(left) for name, left in told}


def basic(password: str | None) -> dict[str, str]:
    if password is None:
        return {}
    return {"Authorization": "Basic " + base64.b64encode(f":{password}".encode()).decode()}


class Service(RuleBasedStateMachine):
    """Every answer is one that the model allows; ``app`` and ``account`` are set before it runs."""

    app: Mayfly
    engines: ClassVar[dict[str, Engine]]
    account: dict[str, str]
    answers: ClassVar[Counter[str]]
    numbers: ClassVar[Iterator[int]]
    images = Bundle("images")

    def __init__(self) -> None:
        super().__init__()
        self.known: list[Known] = []
        self.blocked: set[bytes] = set()
        # Rate limits can't be set back, so each sequence has clients that nobody has seen before.
        number = next(self.numbers)
        self.addresses = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"2001:db8:0:{number:x}::1"
        self.counted: Counter[tuple[str, int]] = Counter()
        self.off = False
        self.client = self.app.test_client()
        for engine in self.engines.values():
            with engine.begin() as connection:
                connection.execute(text("DELETE FROM images"))
                connection.execute(text("DELETE FROM guesses"))

    def teardown(self) -> None:
        self.app.operator.switch_uploads(on=True)
        if self.blocked:
            self.app.operator.unblock(list(self.blocked))

    def ask(self, method: str, path: str, client: int = CLIENTS[0], **more: Any) -> Asked:
        headers = more.pop("headers", {}) | {"X-Forwarded-For": f"203.0.113.9, {self.addresses[client]}"}
        began = time.time()
        asked = Asked(self.client.open(path, method=method, headers=headers, **more), began)
        self.answers[f"{method} {asked.status}"] += 1
        if asked.status == 429:
            if asked.error != "too_many_requests":
                self.answers[f"429 {asked.error}"] += 1
            assert 1 <= int(asked.answer.headers["Retry-After"]) <= DAY
        return asked

    def limited(self, asked: Asked, client: int, *, upload: bool, tries: bool) -> bool:
        """Tell whether a rate limit refused a request, which has to be so just where the client used it up."""
        told, refused = {}, False
        for name in [name for name, counts in (("uploads", upload), ("passwords", tries)) if counts]:
            left = MOST[name] - self.counted[name, client]
            refused = left == 0
            if refused or name == "uploads" or asked.error in {"password_wrong", "upload_code_wrong"}:
                self.counted[name, client] += not refused
                told[name] = left - (not refused)
            if refused:
                self.answers[f"429 {name}"] += 1
                break
        assert refused == (asked.error == "too_many_requests")
        assert asked.rates == told
        return refused

    def living(self, asked: Asked, **which: object) -> tuple[int, int]:
        """How many images of a client or of the account lived: at the least and at the most."""
        own = [
            known
            for known in self.known
            if all(getattr(known, name) == value for name, value in which.items())
        ]
        lived = [known.lived(asked.began, asked.ended) for known in own]
        return lived.count({True}), sum(True in each for each in lived)

    def full(self, asked: Asked, client: int, *, owned: bool) -> set[str]:
        """The quotas that may have refused an upload, and "" where none may have: each database has to refuse it."""
        each = [self.full_in(shard, asked, client, owned=owned) for shard in self.engines]
        return {""} if {""} in each else set().union(*each)

    def full_in(self, shard: str, asked: Asked, client: int, *, owned: bool) -> set[str]:
        number = len(self.engines)
        counts = {"client_quota": (self.living(asked, client=client, shard=shard), MOST_CLIENT // number)}
        if owned:
            counts["owner_quota"] = self.living(asked, owned=True, shard=shard), MOST_OWNER // number
        reached = {name for name, ((_, most), limit) in counts.items() if most >= limit}
        surely = any(least >= limit for (least, _), limit in counts.values())
        return reached if surely else reached | {""}

    @rule(
        target=images,
        client=st.sampled_from(CLIENTS),
        owned=st.booleans(),
        picture=st.sampled_from(sorted(PICTURES)),
        views=st.sampled_from((None, None, 1, 2)),
        password=st.sampled_from((False, False, True)),
        lifetime=st.sampled_from((1, 2, 600, 600)),
        code=st.sampled_from((CODE, CODE, CODE, CODE, None, "wrong")),
    )
    def upload(
        self,
        client: int,
        *,
        owned: bool,
        picture: str,
        views: int | None,
        password: bool,
        lifetime: int,
        code: str | None,
    ) -> Any:
        known = self.send(
            client, owned=owned, picture=picture, views=views, password=password, lifetime=lifetime, code=code
        )
        return multiple(*self.for_bundle(known))

    def send(
        self,
        client: int,
        *,
        owned: bool,
        picture: str = "flower",
        views: int | None = None,
        password: bool = False,
        lifetime: int = 600,
        code: str | None = CODE,
    ) -> Known | None:
        headers = dict(self.account) if owned else basic(PASSWORD if password else None)
        headers |= {"Upload-Code": code} if code else {}
        query = {"lifetime": lifetime, **({"views": views} if views else {})}
        asked = self.ask(
            "POST", "/upload", client, data=PICTURES[picture], query_string=query, headers=headers
        )
        if self.limited(asked, client, upload=True, tries=code is not None):
            return None
        if asked.status == 201:
            told = asked.answer.get_json()
            assert "" in self.full(asked, client, owned=owned), "over a quota"
            assert code == CODE
            assert not self.off
            assert DIGESTS[picture] not in self.blocked
            shard = name_of(told["hash"], self.engines)
            known = Known(
                told=told,
                expires_at=expiry(told),
                shard=shard,
                picture=picture,
                client=client,
                owned=owned,
                views=views,
                password=password and not owned,
            )
            self.known.append(known)
            return known
        self.refused(asked, client, owned=owned, picture=picture, code=code)
        return None

    @rule(target=images, client=st.sampled_from(CLIENTS), number=st.integers(1, 3), owned=st.booleans())
    def upload_several(self, client: int, number: int, *, owned: bool) -> Any:
        """Plain images, until a quota is reached perhaps."""
        made = [self.send(client, owned=owned) for _ in range(number)]
        return multiple(*(one for each in made for one in self.for_bundle(each)))

    def for_bundle(self, made: Known | None) -> Sequence[Known]:
        """An image for each upload, another one where it was refused.

        Whether a quota refuses depends on the clock; if the size of the bundle did, Hypothesis could replay nothing.
        """
        return [made] if made else self.known[-1:]

    def refused(self, asked: Asked, client: int, *, owned: bool, picture: str, code: str | None) -> None:
        error, told = asked.error, asked.status
        if code is None:
            assert (told, error) == (401, "upload_code_asked")
        elif code != CODE:
            assert (told, error) == (403, "upload_code_wrong")
        elif self.off:
            assert (told, error) == (503, "uploads_off")
        elif DIGESTS[picture] in self.blocked:
            assert (told, error) == (403, "blocked")
        else:
            assert told == 429
            assert error in self.full(asked, client, owned=owned)
            assert int(asked.answer.headers["Retry-After"]) <= 600

    @rule(image=images)
    def look(self, image: Known) -> None:
        asked = self.ask("GET", f"/image/{image.told['hash']}")
        opened = 405 if image.views is not None or image.password else 200
        self.check(image, asked, opened)

    @rule(
        image=images,
        client=st.sampled_from(CLIENTS),
        password=st.sampled_from((None, WRONG, PASSWORD, PASSWORD)),
    )
    def open(self, image: Known, client: int, password: str | None) -> None:
        self.try_to_open(image, client, password)

    def try_to_open(self, image: Known, client: int, password: str | None) -> None:
        headers = basic(password) if image.password else {}
        asked = self.ask("POST", f"/image/{image.told['hash']}", client, headers=headers)
        if self.limited(asked, client, upload=False, tries="Authorization" in headers):
            return
        right = not image.password or password == PASSWORD
        expected = 200 if right else 401 if password is None else 403
        if expected == 403 and asked.status in {403, 429}:
            image.wrong[client] += asked.status == 403
        # A wrong attempt is forgotten after ten seconds, so from the fifth on either may come.
        late = image.password and password is not None and image.wrong[client] >= GUESSES
        self.check(image, asked, expected, *((429,) if late else ()))
        if asked.status == 200 and image.views is not None:
            image.view()
            image.opened += 1
            image.used_up = image.gone
            assert asked.answer.headers["Views-Left"] == str(image.views)

    @rule(image=images, client=st.sampled_from(CLIENTS), number=st.sampled_from((2, GUESSES + 1)))
    def guess(self, image: Known, client: int, number: int) -> None:
        """Wrong passwords, until there were too many perhaps."""
        for _ in range(number if image.password else 0):
            self.try_to_open(image, client, WRONG)

    @rule(client=st.sampled_from(CLIENTS), number=st.sampled_from((2, MOST["passwords"])))
    def guess_codes(self, client: int, number: int) -> None:
        """Wrong upload codes, until a limit is used up perhaps."""
        for _ in range(number):
            assert self.send(client, owned=False, code="wrong") is None

    def check(self, image: Known, asked: Asked, *alive: int) -> None:
        """Check that an answer is one of those for a living image, or a 404 where it is dead."""
        due = allowed(image.lived(asked.began, asked.ended), *alive)
        assert asked.status in due, (asked.status, due, image)
        if asked.status == 200 and asked.answer.mimetype == "image/jpeg":
            assert asked.answer.data == PICTURES[image.picture]

    def kept(self, image: Known, asked: Asked) -> set[bool]:
        """Whether its uploader is told of an image, which outlives its last view."""
        if not image.used_up:
            return image.lived(asked.began, asked.ended)
        return replace(image, gone=False).lived(asked.began, asked.ended)

    @rule(image=images)
    def describe(self, image: Known) -> None:
        asked = self.ask("GET", f"/images/{image.told['image_key']}")
        assert asked.status in {200 if told else 404 for told in self.kept(image, asked)}
        if asked.status == 200:
            self.told_of(image, asked.answer.get_json())

    @rule(first=images, second=images)
    def ask_for_receipts(self, first: Known, second: Known) -> None:
        keys = ".".join(image.told["image_key"] for image in (first, second))
        asked = self.ask("POST", "/s/receipts", data={"image_keys": keys})
        for image, told in zip((first, second), asked.answer.get_json()["images"], strict=True):
            assert (told is not None) in self.kept(image, asked)
            if told is not None:
                self.told_of(image, told)

    def told_of(self, image: Known, told: dict[str, Any]) -> None:
        assert told["views_left"] == image.views
        assert (told["opened_at"] is None) == (image.views is None)
        moments = [datetime.fromisoformat(moment).timestamp() for moment in told["opened_at"] or ()]
        assert len(moments) == image.opened
        assert moments == sorted(moments)
        assert all(image.expires_at - 600 <= moment < image.expires_at for moment in moments)

    @rule(image=consumes(images))
    def delete(self, image: Known) -> None:
        asked = self.ask("DELETE", f"/images/{image.told['image_key']}")
        assert asked.status in {200 if told else 404 for told in self.kept(image, asked)}
        image.gone, image.used_up = True, False
        self.check(image, self.ask("GET", f"/image/{image.told['hash']}"))

    @rule()
    def list(self) -> None:
        asked = self.ask("GET", "/images", headers=dict(self.account))
        listed = {entry["image_key"] for entry in asked.answer.get_json()["data"]}
        for image in self.known:
            key = image.told["image_key"]
            may = image.lived(asked.began, asked.ended) if image.owned else {False}
            assert (key in listed) in may, image

    @rule(image=images, block=st.sampled_from((False, False, True)))
    def take_down(self, image: Known, *, block: bool) -> None:
        began = time.time()
        done = self.app.operator.take_down(image.told["hash"], and_block=block)
        assert done.removed in image.lived(began, time.time())
        image.gone = image.gone or done.removed
        if done.removed and block and not image.password:
            assert done.blocked == DIGESTS[image.picture]
            self.blocked.add(done.blocked)
        else:
            assert done.blocked is None

    @rule()
    def unblock(self) -> None:
        if self.blocked:
            assert self.app.operator.unblock(list(self.blocked)) == len(self.blocked)
            self.blocked.clear()

    @rule(on=st.sampled_from((True, True, False)))
    def switch(self, *, on: bool) -> None:
        self.app.operator.switch_uploads(on=on)
        self.off = not on

    @rule()
    def purge(self) -> None:
        assert self.ask("POST", "/cleanup").status == 200

    @rule()
    def wait_for_an_end(self) -> None:
        now = time.time()
        soon = [
            image.expires_at for image in self.known if not image.gone and now < image.expires_at < now + 3
        ]
        if soon:
            time.sleep(min(soon) - now)


@pytest.mark.parametrize(("names", "examples"), [("a", EXAMPLES), ("ab", EXAMPLES // 4)], ids=["one", "two"])
def test_every_answer_is_one_that_a_model_of_the_service_allows(
    make_app: MakeApp, database_url: str, names: str, examples: int
) -> None:
    with ExitStack() as stack:
        more: dict[str, Any] = {}
        if len(names) > 1:
            urls = stack.enter_context(databases(database_url, *names))
            more = {"database_url": urls["a"], "shards": urls}
        app = make_app(
            trusted_proxies=1,
            uploads="code",
            upload_codes=CODES,
            max_images_per_client=MOST_CLIENT // len(names),
            max_images_per_owner=MOST_OWNER // len(names),
            rate_limits={name: RateLimit(Rate(most, DAY), None) for name, most in MOST.items()},
            **more,
        )
        for shard in app.shards.all:
            shard.clock.age = 0.0  # what the operator switches is heard at once
        Service.engines = dict(zip(names, map(committing, app.shards.all), strict=True))
        Service.app, Service.account = app, register(app.test_client())
        Service.answers, Service.numbers = Counter(), count()
        run(examples)
        app.shards.dispose()
    refused = {name: number for name, number in Service.answers.items() if name.startswith("429")}
    tried = sum(Service.answers.values()) - sum(refused.values())
    seen = ", ".join(f"{number} × {name}" for name, number in sorted(Service.answers.items()))
    note(f"every answer against a model of the service, databases: {len(names)}", tried=tried, seen=seen)
    assert {"POST 201", "POST 200", "POST 403", "GET 200"} <= set(Service.answers)
    assert {"429 uploads", "429 passwords", "429 owner_quota"} <= set(refused)
    assert "429 client_quota" in refused or len(names) > 1  # that takes many more sequences there


def committing(shard: Shard) -> Engine:
    return shard.engine.execution_options(isolation_level="READ COMMITTED")


def run(examples: int) -> None:
    run_state_machine_as_test(
        Service,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not FULL,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
