"""Opens, deletes by image key and takedowns race for the same images, over several server processes."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Engine, text

from models import ciphertexts
from models.image import STORED_BYTES
from services import OperatorActions
from storage import RowStore
from tests.cast import SERVER_KEY, noise, register
from tests.conftest import MakeApp
from tests.faults.figures import FULL, note
from tests.faults.wire import Answer, once
from tests.processes import Served, serving

ROUNDS = 300 if FULL else 6
PLACES = 4
"""So many images race at a time, and no more may live of the one client, and of the one account."""
OPEN, DELETE, TAKE_DOWN, BLOCK = "open", "delete", "take down", "take down and block"
RACERS = (
    (OPEN, OPEN, OPEN, DELETE, TAKE_DOWN, BLOCK),
    (OPEN, OPEN, OPEN, TAKE_DOWN, BLOCK, BLOCK),
    (OPEN, OPEN, OPEN, OPEN, DELETE, DELETE),
    (OPEN, OPEN, OPEN, OPEN, OPEN, TAKE_DOWN),
    (OPEN, OPEN, OPEN, OPEN, OPEN, OPEN),
)
CLIENTS = PLACES * len(RACERS[0])
OPENS = 3
"""So often an opener asks, once after the other."""
VIEWS = (None, 2, 40, 5, None, 8, 1, 40)
LATE = 0.02
"""What ends an image comes up to so many seconds late, so that opens win now and then."""
CLIENT, OTHER = "192.0.2.1", "192.0.2.2"
STRANGERS = 10**9
"""Bytes that every slot counts beside the images: what is given back twice is missing there."""
ROOM = 2**40


class Deed(NamedTuple):
    """What a racer did, when by the test's clock, and what was answered; ``done`` where that was a yes."""

    what: str
    began: float
    ended: float
    status: int
    done: bool


LIVING = "SELECT row_key FROM images WHERE views_left IS DISTINCT FROM 0"


@dataclass
class Raced:
    """An image, and what became of it."""

    told: dict[str, Any] = field(repr=False)
    views: int | None
    deeds: list[Deed] = field(default_factory=list)

    def done(self, *what: str) -> int:
        return sum(deed.done for deed in self.deeds if deed.what in what)

    @property
    def used_up(self) -> bool:
        return self.done(OPEN) == self.views

    @property
    def gone(self) -> bool:
        return self.used_up or self.done(DELETE, TAKE_DOWN, BLOCK) > 0

    def faults(self) -> Iterator[str]:
        """Tell what is wrong about the answers that were given."""
        opens = [deed for deed in self.deeds if deed.what == OPEN]
        enders = [deed for deed in self.deeds if deed.what != OPEN]
        for deed in self.deeds:
            if deed.status != (200 if deed.done else 404):
                yield f"{deed.what}: {deed.status}, or another image than was uploaded"
        most = len(opens) if self.views is None else min(self.views, len(opens))
        opened = self.done(OPEN)
        if opened > most or (not enders and opened < most):
            yield f"{opened} opens of {most}"
        # What is left of an image that is used up is deleted by its image key, and by nothing else.
        ends = self.used_up + self.done(TAKE_DOWN, BLOCK) + (0 if self.used_up else self.done(DELETE))
        if self.done(DELETE) > 1:
            yield f"deleted {self.done(DELETE)} times"
        if ends != (bool(enders) or self.used_up):
            yield f"ended {ends} times"
        over = min((deed.ended for deed in enders), default=float("inf"))
        late = sum(deed.done and deed.began > over for deed in opens)
        if late:
            yield f"{late} opens after its end"


class Race:
    """The racers, which start at a barrier, and the images that they race for."""

    def __init__(self, operator: OperatorActions, account: dict[str, str], *servers: Served) -> None:
        self._operator = operator
        self._account = account
        self._ports = [server.port for server in servers]
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._line = threading.Barrier(CLIENTS)

    def upload(self, views: int | None, address: str = CLIENT, *, owned: bool = True) -> Answer:
        headers = {"X-Forwarded-For": address, **(self._account if owned else {})}
        path = "/upload" + (f"?views={views}" if views else "")
        return once(self._ports[0], "POST", path, noise(64, 64), headers)

    def run(self, images: list[Raced], racers_of_each: list[tuple[str, ...]]) -> None:
        pairs = zip(images, racers_of_each, strict=True)
        racers = [(image, what) for image, each in pairs for what in each]
        random.shuffle(racers)
        for (image, _), deeds in zip(racers, self._pool.map(self._join, range(CLIENTS), racers), strict=True):
            image.deeds += deeds

    def _join(self, number: int, racer: tuple[Raced, str]) -> list[Deed]:
        (image, what), port = racer, self._ports[number % len(self._ports)]
        self._line.wait(60)
        if what != OPEN:
            time.sleep(random.uniform(0, LATE))
        return [self.do(image, what, port) for _ in range(OPENS if what == OPEN else 1)]

    def do(self, image: Raced, what: str, port: int) -> Deed:
        told, began = image.told, time.monotonic()
        if what == OPEN:
            method = "GET" if image.views is None else "POST"
            answer = once(port, method, f"/image/{told['hash']}")
            status, done = answer.status, hashlib.sha256(answer.body).hexdigest() == told["sha256"]
        elif what == DELETE:
            status = once(port, "DELETE", f"/images/{told['image_key']}").status
            done = status == 200
        else:
            taken = self._operator.take_down(told["hash"], and_block=what == BLOCK)
            done = taken.removed
            blocked = bytes.fromhex(told["sha256"]) if done and what == BLOCK else None
            status = (200 if done else 404) if taken.blocked == blocked else 0
        return Deed(what, began, time.monotonic(), status, done)

    def still_open(self, image: Raced) -> bool:
        deeds = [self.do(image, OPEN, port) for port in self._ports]
        return any(deed.status != 404 for deed in deeds)

    def close(self) -> None:
        self._pool.shutdown()


def left_wrong(engine: Engine, blocked: int) -> Iterator[str]:
    """Tell where the database keeps more or less than the images that live need."""
    with engine.connect() as connection:
        kept = {
            bytes(key)
            for slot in RowStore().filled(connection)
            for key in connection.scalars(text(f"SELECT row_key FROM {ciphertexts(slot)}"))
        }
        if kept != {bytes(key) for key in connection.scalars(text(LIVING))}:
            yield "sealed bytes without a row, or a row without sealed bytes"
        differing = text(
            f"SELECT count(*) FROM stored WHERE bytes <> {STRANGERS}"
            f" + (SELECT coalesce(sum({STORED_BYTES}), 0) FROM images WHERE images.slot = stored.slot)"
        )
        if connection.scalar(differing):
            yield "stored bytes that were given back never or twice"
        if connection.scalar(text("SELECT count(*) FROM blocked")) != blocked:
            yield "a block of an image that this takedown did not remove, or none of one that it did"


def quota_faults(race: Race) -> Iterator[str]:
    """Tell whether there is room for one more, though the client and the account have all that they may have."""
    for address, owned, due in ((CLIENT, False, "client_quota"), (OTHER, True, "owner_quota")):
        answer = race.upload(None, address, owned=owned)
        if (answer.status, answer.told.get("error")) != (429, due):
            yield f"{answer.status} and not {due}"


@pytest.mark.timeout(200)
def test_an_image_ends_once_whoever_races_for_its_end(make_app: MakeApp, database_url: str) -> None:
    settings = {"max_images_per_client": PLACES, "max_images_per_owner": PLACES, "max_stored_bytes": ROOM}
    app = make_app(**settings)
    account = register(app.test_client())
    env: dict[str, Any] = {name.upper(): str(value) for name, value in settings.items()}
    env |= {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY}
    env |= {"TRUSTED_PROXIES": "1", "PURGE_INTERVAL": "off"}
    engine = app.shards.home.engine.execution_options(isolation_level="READ COMMITTED")
    with serving(**env) as one, serving(**env) as other:
        with engine.begin() as connection:
            connection.execute(text("UPDATE stored SET bytes = :bytes"), {"bytes": STRANGERS})
        race = Race(app.operator, account, one, other)
        wrong, ends = race_again_and_again(race, engine)
        race.close()
    seen = ", ".join(f"{number} × {what}" for what, number in ends.items())
    note("race for the end of an image", tried=ROUNDS * PLACES, wrong=len(wrong), seen=seen)
    assert not wrong


def race_again_and_again(race: Race, engine: Engine) -> tuple[list[str], Counter[str]]:
    """Race for images, of which those that live on race again; tell what was wrong, and what the racers did."""
    wrong: list[str] = []
    ends: Counter[str] = Counter()
    alive: list[Raced] = []
    views, racers = cycle(VIEWS), cycle(RACERS)
    for _ in range(ROUNDS):
        while len(alive) < PLACES:
            most = next(views)
            answer = race.upload(most)
            assert answer.status == 201, (answer.body, wrong)
            alive.append(Raced(answer.told, most))
        wrong += quota_faults(race)
        race.run(alive, list(islice(racers, PLACES)))
        for image in alive:
            wrong += image.faults()
            if image.gone:
                ends.update(
                    what for what in (OPEN, DELETE, TAKE_DOWN, BLOCK) for _ in range(image.done(what))
                )
                ends["views used up"] += image.used_up
                if race.still_open(image):
                    wrong.append("opened after the race")
        wrong += left_wrong(engine, ends[BLOCK])
        alive = [image for image in alive if not image.gone]
    return wrong, ends
