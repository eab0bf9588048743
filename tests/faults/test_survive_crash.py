"""With SURVIVE_CRASH=false a crash of PostgreSQL ends what lives, as a whole; a restart ends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from models.image import STORED_BYTES
from tests.cast import SERVER_KEY, noise
from tests.clusters import Fill
from tests.databases import run, value
from tests.faults.ends import Database, crash_a_backend, crash_the_postmaster, restart
from tests.faults.figures import FULL, note
from tests.faults.load import Load, halves, wrongs
from tests.faults.wire import Answer, once, upload
from tests.processes import Served, serving, until

ROUNDS = 5 if FULL else 1
IMAGES = {"small": noise(100, 90), "large": noise(400, 300)}
"""One that comes along with its row when it is opened, and one that doesn't."""
SOME = 200
"""How many of the images of a load are looked at one by one."""
MOST = 5
"""How many images of one client may live."""
SETTINGS: dict[str, Any] = {
    "SECRET_KEYS": SERVER_KEY,
    "OPEN_CATALOG": "true",
    "PURGE_INTERVAL": "off",  # what a crash leaves is found without a purge
    "MAX_STORED_BYTES": "1GiB",
    "MAX_IMAGES_PER_CLIENT": str(MOST),
}


@pytest.fixture(scope="module")
def database(fill: Fill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = Database(fill(tmp_path_factory.mktemp("crash")))
    database.start()
    yield database
    database.stop()


@dataclass
class Known:
    """An image that was uploaded, and what of it must answer."""

    kind: str
    told: dict[str, Any]
    views: int | None = None

    @classmethod
    def stored(cls, server: Served, kind: str, views: int | None = None) -> Known:
        options = {} if views is None else {"views": views}
        answer = upload(server.port, IMAGES[kind], lifetime="30m", **options)
        assert answer.status == 201, answer.body
        return cls(kind, answer.told, views)

    def opened(self, server: Served) -> Answer:
        return once(server.port, "POST" if self.views else "GET", f"/image/{self.told['hash']}")

    def statuses(self, server: Served) -> dict[str, int]:
        """What everything that speaks of it answers, in the order in which a view is used last."""
        link, key = self.told["hash"], self.told["image_key"]
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        receipts = once(server.port, "POST", "/s/receipts", f"image_keys={key}".encode(), form)
        return {
            "head": once(server.port, "HEAD", f"/image/{link}").status,
            "card": once(server.port, "POST", "/s", f"link={link}".encode(), form).status,
            "details": once(server.port, "GET", f"/images/{key}").status,
            "receipt": 404 if receipts.told["images"] == [None] else receipts.status,
            "download": once(server.port, "GET", f"/images/{key}?mode=download").status,
            "open": self.opened(server).status,
        }


def listed(server: Served) -> set[str]:
    """The image keys in the open catalog, as the first answer tells them that isn't about PostgreSQL's end."""
    found: list[Answer] = []

    def ask() -> bool:
        found.append(once(server.port, "GET", "/images"))
        return found[-1].status != 503

    assert until(ask, 60), server.log
    return {entry["image_key"] for entry in found[-1].told["data"]}


def used_up(server: Served) -> Known:
    """An image whose only view was used: what is left of it is its receipt."""
    image = Known.stored(server, "small", views=1)
    assert image.opened(server).body == IMAGES["small"]
    return image


def counted_and_stored(database: Database) -> tuple[int, int]:
    """What the slots' counts say in all, and what the rows take."""
    counted = int(value(database.url, "SELECT sum(bytes) FROM stored"))
    return counted, int(value(database.url, f"SELECT coalesce(sum({STORED_BYTES}), 0) FROM images"))


@pytest.mark.parametrize("crash", [crash_a_backend, crash_the_postmaster])
def test_a_crash_ends_what_lives_and_gives_its_quota_back(
    database: Database, crash: Callable[[Database], None]
) -> None:
    run(database.url, "TRUNCATE images")
    with serving(DATABASE_URL=database.url, SURVIVE_CRASH="false", **SETTINGS) as server:
        receipt = used_up(server)
        images = [Known.stored(server, kind, views) for kind in IMAGES for views in (None, 2)]
        for image in images:
            assert set(image.statuses(server).values()) <= {200, 405}, image
        assert listed(server) == {image.told["image_key"] for image in images}

        crash(database)
        assert listed(server) == set()
        for image in images:
            assert set(image.statuses(server).values()) == {404}, image
        told = {what for what, status in receipt.statuses(server).items() if status == 200}
        assert told == {"details", "receipt"}
        counted, stored = counted_and_stored(database)
        assert counted == stored
        assert value(database.url, "SELECT count(*) FROM images") == 1
        again = [Known.stored(server, "small") for _ in range(MOST)]
        assert {image.opened(server).body for image in again} == {IMAGES["small"]}
        assert "4 images ended with it" in server.log
        assert "Traceback" not in server.log


@pytest.mark.timeout(900)
def test_crashes_under_load_end_what_was_confirmed_before_and_a_restart_ends_nothing(
    database: Database, flower: bytes
) -> None:
    run(database.url, "TRUNCATE images")
    limits = {"MAX_IMAGES_PER_CLIENT": "100000", "MAX_STORED_BYTES": ""}
    before: list[str] = []
    with serving(DATABASE_URL=database.url, SURVIVE_CRASH="false", **SETTINGS | limits) as server:
        load = Load(server, flower)
        with load.running():
            assert load.goes_on()
            restart(database)
            assert load.goes_on()
            assert load.lost(SOME) == []
            for crash in (crash_a_backend, crash_the_postmaster) * ROUNDS:
                before = list(load.confirmed)
                crash(database)
                assert load.goes_on(), f"no upload after {crash.__name__}"
        half = halves(database.url)
        living = [link for link in before[-SOME:] if once(server.port, "GET", f"/image/{link}").status != 404]
        log = server.log
    odd = {s: n for s, n in load.uploads.items() if s not in {201, 503}}
    odd |= {s: n for s, n in load.reads.items() if s not in {200, 404, 503}}
    away = load.uploads[503] + load.reads[503]
    note(
        "PostgreSQL killed under load, SURVIVE_CRASH=false",
        tried=2 * ROUNDS,
        wrong=sum(odd.values()) + half + len(living),
        seen=f"{len(load.confirmed)} uploads confirmed, {len(before)} ended with a crash, {away} answers of 503",
    )
    assert (odd, half, living) == ({}, 0, []), wrongs(log)
