"""How the object store names, sweeps and forgets, and what it does when its server fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from storage import BucketSettings, CiphertextGone, ObjectStore, StoreAway, open_object_store
from storage.breaker import ObjectStoreBreaker
from storage.exchange import CONNECT_SECONDS, MOVE_SECONDS
from storage.objects import SPAN_SECONDS, object_key, ttl_of
from tests.faults.test_clock import faked
from tests.flaky import LATE_SECONDS, Flaky, Way, flaky
from tests.object_store import Service
from tests.processes import ROOT

KEY, OTHER = b"k" * 32, b"o" * 32
LARGE = bytes(32 << 20)
"""More than the buffers of a connection hold."""


@pytest.fixture
def bucket() -> str:
    return f"objects-{uuid4().hex[:12]}"


@pytest.fixture
def told() -> Counter[tuple[str, str]]:
    return Counter()


def opened(settings: BucketSettings, told: Counter[tuple[str, str]]) -> ObjectStore:
    return open_object_store(settings, lambda *labels: told.update([labels]))


@pytest.fixture
def store(object_store: Service, bucket: str, told: Counter[tuple[str, str]]) -> ObjectStore:
    return opened(object_store.settings(bucket), told)


@pytest.fixture
def way(object_store: Service) -> Iterator[Flaky]:
    with flaky(urlsplit(object_store.endpoint).port or 0) as way:
        yield way


@pytest.fixture
def shaky(object_store: Service, way: Flaky, bucket: str, told: Counter[tuple[str, str]]) -> ObjectStore:
    endpoint = f"http://127.0.0.1:{way.port}"
    store = opened(replace(object_store.settings(bucket), endpoint=endpoint), told)
    store.put(7, KEY, [b"sealed"], 6, 60)
    told.clear()
    return store


def test_the_bucket_is_in_the_path_or_in_amazons_host(object_store: Service) -> None:
    settings = object_store.settings("some")
    assert settings.base == f"{object_store.endpoint}/some"
    assert replace(settings, endpoint=None).base == "https://some.s3.us-east-1.amazonaws.com"


def test_a_name_tells_when_it_is_over_and_no_row_key() -> None:
    name = object_key(1_795_700_010, KEY)
    assert name.startswith("mayfly/1795700010-")
    assert KEY.hex() not in name
    assert len({name, object_key(1_795_700_010, OTHER), object_key(1_795_700_020, KEY)}) == 3


def test_a_slot_ends_when_the_last_of_its_images_does(store: ObjectStore) -> None:
    ends = {store.slot(0, expires_at) for expires_at in range(1_000_001, 1_000_001 + SPAN_SECONDS)}
    assert ends == {1_000_000 + SPAN_SECONDS}


def test_what_is_over_first_is_listed_first_and_goes_slot_by_slot(
    store: ObjectStore, told: Counter[tuple[str, str]]
) -> None:
    assert store.oldest() is None
    for slot in (30, 2_000_000_000, 10, 900):
        for key in (KEY, OTHER):
            store.put(slot, key, [b"sealed"], 6, 60)
    told.clear()
    assert store.oldest() == 10
    assert (store.empty(10), store.oldest()) == (2, 30)
    assert told["list", "done"] == 3
    assert told["delete", "done"] == 1
    with pytest.raises(CiphertextGone):
        store.fetch(None, 10, KEY, 6)
    assert bytes(store.fetch(None, 900, KEY, 6)) == b"sealed"


def test_others_in_the_bucket_are_left_alone(store: ObjectStore) -> None:
    store._bucket.put("another/0000000001-object", [b"theirs"], 6)
    assert store.oldest() is None
    assert store.empty(1) == 0
    assert store._bucket.get("another/0000000001-object", 6) == b"theirs"


def test_a_slot_with_more_than_a_list_holds_goes_in_turns(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.objects.MOST_EMPTIED", 2)
    for number in range(5):
        store.put(10, bytes([number]) * 32, [b"sealed"], 6, 60)
    assert [store.empty(10) for _ in range(4)] == [2, 2, 1, 0]


@pytest.mark.parametrize(
    ("seconds", "ttl"),
    [(1, "10m"), (600, "10m"), (601, "20m"), (3660, "80m"), (4 * 3600, "6h"), (30 * 86400, "57d")],
)
def test_lifetimes_for_seaweedfs_are_few_and_never_too_short(seconds: int, ttl: str) -> None:
    assert ttl_of(seconds) == ttl
    minutes = int(ttl[:-1]) * {"m": 1, "h": 60, "d": 1440}[ttl[-1]]
    assert seconds <= minutes * 60 <= max(600, 2.2 * seconds)


def test_seaweedfs_is_told_when_to_forget(object_store: Service, bucket: str, store: ObjectStore) -> None:
    """That it does is shown by `make cluster`, since its lifetimes are whole minutes."""
    forgetful = opened(object_store.settings(bucket, "seaweedfs"), Counter())
    forgetful.put(10, KEY, [b"sealed"], 6, 60)
    store.put(10, OTHER, [b"sealed"], 6, 60)
    for key, seconds in ((KEY, 600), (OTHER, 0)):
        address = f"{object_store.filer}/buckets/{bucket}/{object_key(10, key)}?metadata=true"
        assert requests.get(address, timeout=5).json()["TtlSec"] == seconds


def test_what_fails_by_chance_is_tried_again(
    shaky: ObjectStore, way: Flaky, told: Counter[tuple[str, str]]
) -> None:
    def fail(how: Way) -> None:
        way.fail(how, only=2)
        shaky._bucket._connect()  # a closed connection in the pool would fail a third time, if it is noticed late

    for how in ("busy", "refuse"):
        told.clear()
        fail(how)
        assert bytes(shaky.fetch(None, 7, KEY, 6)) == b"sealed"
        assert told == {("get", "failed"): 2, ("get", "done"): 1}
        fail(how)
        sealed = os.urandom(3_000_000)
        shaky.put(7, OTHER, [sealed], len(sealed), 60)
        assert bytes(shaky.fetch(None, 7, OTHER, len(sealed))) == sealed


def test_while_the_store_is_away_nobody_waits_for_it(
    shaky: ObjectStore, way: Flaky, told: Counter[tuple[str, str]]
) -> None:
    way.fail("refuse")
    with pytest.raises(StoreAway):
        shaky.fetch(None, 7, KEY, 6)
    assert told == {("get", "failed"): 3}
    tried = way.connections
    for _ in range(20):
        with pytest.raises(StoreAway):
            shaky.fetch(None, 7, KEY, 6)
    assert way.connections == tried
    assert not shaky.check()
    way.way = "through"
    shaky._bucket._breaker._closed_until = 0
    assert bytes(shaky.fetch(None, 7, KEY, 6)) == b"sealed"
    assert shaky.check()


def test_a_store_that_hangs_is_given_up_after_one_try(
    shaky: ObjectStore, way: Flaky, told: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.exchange.MOVE_SECONDS", 0.5)
    shaky._bucket._connect()
    way.fail("hang")
    with pytest.raises(StoreAway):
        shaky.fetch(None, 7, KEY, 6)
    assert told == {("get", "failed"): 1}
    shaky._bucket._breaker._closed_until = 0
    with pytest.raises(StoreAway):
        shaky.put(7, OTHER, [LARGE], len(LARGE), 60)
    assert told == {("get", "failed"): 1, ("put", "failed"): 1}


def test_a_store_may_be_slower_to_take_bytes_than_to_answer_a_connection(
    shaky: ObjectStore, way: Flaky, told: Counter[tuple[str, str]]
) -> None:
    assert CONNECT_SECONDS < LATE_SECONDS < MOVE_SECONDS
    way.fail("late")
    shaky.put(7, OTHER, [LARGE], len(LARGE), 60)
    assert told == {("put", "done"): 1}


@pytest.fixture
def narrow(object_store: Service, way: Flaky, bucket: str) -> ObjectStore:
    """A store that has places for two."""
    settings = object_store.settings(bucket)
    settings = replace(settings, endpoint=f"http://127.0.0.1:{way.port}", connections=2)
    store = opened(settings, Counter())
    store.put(7, KEY, [b"sealed"], 6, 60)
    return store


def fetched(store: ObjectStore, times: int) -> list[bytes | None]:
    """What so many at once get; None where the store is away."""

    def fetch(_: int) -> bytes | None:
        try:
            return bytes(store.fetch(None, 7, KEY, 6))
        except StoreAway:
            return None

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(fetch, range(times)))


def test_a_store_that_hangs_holds_few_threads(narrow: ObjectStore, way: Flaky) -> None:
    way.fail("hang")
    before = way.connections
    assert fetched(narrow, 8) == [None] * 8
    assert way.connections - before == 2


def test_while_the_store_answers_others_wait_for_a_place(narrow: ObjectStore) -> None:
    assert fetched(narrow, 16) == [b"sealed"] * 16


def test_one_at_a_time_asks_whether_a_store_is_back() -> None:
    breaker = ObjectStoreBreaker(9, pause=0)
    with pytest.raises(StoreAway), breaker.passage():
        raise StoreAway
    breaker._pause = 60
    with breaker.passage(), pytest.raises(StoreAway), breaker.passage():
        raise AssertionError("the pause is over for one alone")
    with breaker.passage(), breaker.passage():
        pass


def test_refused_credentials_are_no_missing_image(
    object_store: Service, bucket: str, store: ObjectStore
) -> None:
    store.put(7, KEY, [b"sealed"], 6, 60)
    stranger = opened(replace(object_store.settings(bucket), secret_key="wrong"), Counter())
    with pytest.raises(StoreAway):
        stranger.fetch(None, 7, KEY, 6)


CHECKED_PUT_AND_LISTED = """
import sys
from concurrent.futures import ThreadPoolExecutor
from storage import BucketSettings, open_object_store
store = open_object_store(BucketSettings(*sys.argv[1:]), lambda *_: None)
with ThreadPoolExecutor(8) as pool:  # all are refused, and one of them is the first that learns the time
    assert all(pool.map(lambda _: store.check(), range(8)))
store.put(7, b"k" * 32, [b"sealed"], 6, 60)
assert store.oldest() == 7
"""


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_machine_whose_clock_is_off_signs_by_the_stores(
    object_store: Service, bucket: str, hours: int
) -> None:
    where = (bucket, "us-east-1", object_store.access_key, object_store.secret_key, object_store.endpoint)
    command = [sys.executable, "-c", CHECKED_PUT_AND_LISTED, *where]
    env = {**os.environ, **faked(hours)}
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("clock is wrong") == 1


def test_the_secret_is_in_no_representation(object_store: Service) -> None:
    settings = object_store.settings("some")
    assert settings.secret_key not in repr(settings)
    assert settings.access_key not in repr(settings)
