"""Memory is bounded by the settings: the worst of each kind of request stays within the formula of the documents."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import SO_RCVBUF, SOL_SOCKET, socket
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from config import Config
from tests import memory_formula
from tests.attack.bombs import json_lists
from tests.attack.peaks import Peaks, in_memory
from tests.attack.pictures import stripes
from tests.cast import PASSWORD, SERVER_KEY, noise
from tests.clusters import Fill
from tests.flaky import Flaky, flaky
from tests.metrics_of import watched
from tests.object_store import Service
from tests.processes import ROOT, Served, serving, until

CONFIG = Config(workers=1, max_bytes_in_flight=24 * 2**20)
SMALL = noise(16, 16)
UPLOADS = 24
READERS = 16
DEAR = 64
SECONDS = 120
"""A client's patience; what is judged is memory, not time."""


@pytest.fixture
def server(database_url: str) -> Iterator[Served]:
    with one_worker(database_url) as served:
        yield served


@pytest.fixture
def way(object_store: Service) -> Iterator[Flaky]:
    with flaky(urlsplit(object_store.endpoint).port or 0) as way:
        yield way


@pytest.fixture
def server_with_s3(database_url: str, object_store: Service, way: Flaky) -> Iterator[Served]:
    env = object_store.env(f"memory-{uuid4().hex[:12]}") | {"S3_ENDPOINT_URL": f"http://127.0.0.1:{way.port}"}
    with one_worker(database_url, **env) as served:
        yield served


@contextmanager
def one_worker(database_url: str, **more: str) -> Iterator[Served]:
    """One worker that has answered once, so that what it takes from then on is growth."""
    settings: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "WORKERS": str(CONFIG.workers),
        "MAX_BYTES_IN_FLIGHT": str(CONFIG.bytes_in_flight),
        **more,
    }
    with serving(**settings) as served:
        assert requests.put(f"{served.url}/a.png", data=noise(200, 200), timeout=SECONDS).status_code == 201
        yield served


@contextmanager
def bounded(server: Served) -> Iterator[None]:
    """See that what happens in the block keeps the worker and its sandboxes within the formula."""
    (worker,) = server.workers()
    before = in_memory(worker, "VmHWM")
    with Peaks(server) as peaks:
        yield
    assert server.workers() == [worker], "the worker was not killed"
    assert in_memory(worker, "VmHWM") - before < memory_formula.growth(CONFIG)
    assert peaks.sandboxes < memory_formula.sandboxes(CONFIG)
    assert requests.get(f"{server.url}/healthz", timeout=SECONDS).status_code == 200


def at_once(count: int, ask: Callable[[int], requests.Response]) -> list[requests.Response]:
    with ThreadPoolExecutor(count) as clients:
        return list(clients.map(ask, range(count)))


def upload(server: Served, image: bytes, **options: Any) -> requests.Response:
    return requests.put(f"{server.url}/noise.png", data=image, timeout=SECONDS, **options)


def test_many_large_uploads_and_readers_who_stop(server: Served) -> None:
    ten_mb = noise(1800, 1800)
    with bounded(server):
        answers = at_once(UPLOADS, lambda _: upload(server, ten_mb))
        stored = [answer.text.strip() for answer in answers if answer.status_code == 201]
        assert {answer.status_code for answer in answers} <= {201, 503}
        assert len(stored) >= 4
        with ExitStack() as stack:
            for turn in range(READERS):
                stack.enter_context(stalled(server.port, stored[turn % len(stored)]))
            assert requests.get(f"{server.url}/healthz", timeout=SECONDS).status_code == 200
    assert requests.get(stored[0], timeout=SECONDS).content == ten_mb, "what they held was given back"


def test_many_of_the_largest_images_on_their_way_to_an_object_store(
    server_with_s3: Served, way: Flaky
) -> None:
    """Half of the clients open one while the others upload, and each has to wait for the store."""
    image = noise(2640, 2640)  # 20.9 MB of 20 MiB
    link = upload(server_with_s3, image).text.strip()
    assert requests.get(link, timeout=SECONDS).content == image

    def ask(turn: int) -> requests.Response:
        return requests.get(link, timeout=SECONDS) if turn % 2 else upload(server_with_s3, image)

    way.fail("late")
    with bounded(server_with_s3):
        answers = at_once(16, ask)
    assert {answer.status_code for answer in answers} <= {200, 201, 503}
    assert {200, 201} <= {answer.status_code for answer in answers}


@contextmanager
def stalled(port: int, link: str) -> Iterator[None]:
    """A reader who asks for an image and reads nothing of the answer."""
    with socket() as reader:
        reader.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
        reader.settimeout(SECONDS)
        reader.connect(("127.0.0.1", port))
        path = "/" + link.split("/", 3)[3]
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        yield


def test_many_uploads_with_a_password(server: Served) -> None:
    with bounded(server):
        answers = at_once(DEAR, lambda _: upload(server, SMALL, auth=("", PASSWORD)))
    statuses = {answer.status_code for answer in answers}
    assert 201 in statuses
    assert statuses <= {201, 429, 503}


def test_many_conversions(server: Served) -> None:
    link = upload(server, stripes(4000)).text.strip()

    def convert(turn: int) -> requests.Response:
        return requests.get(f"{link}?format=webp&width={3900 - turn % 2}", timeout=SECONDS)

    with bounded(server):
        statuses = {answer.status_code for answer in at_once(DEAR, convert)}
    assert 200 in statuses
    assert statuses <= {200, 429, 503}


def test_json_of_millions_of_lists(server: Served) -> None:
    login = {"login": "mallory", "password": PASSWORD}
    account = login | {"email": "mallory@example.org"}
    requests.post(f"{server.url}/api/registration", json=account, timeout=SECONDS)
    told = requests.post(f"{server.url}/api/login", json=login, timeout=SECONDS).json()
    headers = {"Authorization": told["Authorization"], "Content-Type": "application/json"}
    body = json_lists()
    with bounded(server):
        answers = at_once(
            2, lambda _: requests.post(f"{server.url}/api/images", body, headers=headers, timeout=SECONDS)
        )
    assert {answer.status_code for answer in answers} <= {400, 413, 503}


def test_an_idle_server_with_everything_on_takes_no_more_than_the_documents_say(database_url: str) -> None:
    everything: dict[str, Any] = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "WORKERS": "1",
        "UPLOADS": "code",
        "UPLOAD_CODES": "friends:friends-0123456789",
        "LOG_FORMAT": "json",
        "ABUSE_CONTACT": "mailto:abuse@example.org",
    }
    with watched(**everything) as mayfly:
        for path in ("/", "/readyz", "/docs"):
            assert requests.get(f"{mayfly.server.url}{path}", timeout=SECONDS).ok
        (worker,) = mayfly.server.workers()
        assert "mayfly_images_alive" in mayfly.text
        assert in_memory(mayfly.server.process.pid, "VmHWM") < memory_formula.IDLE_MAIN_WITH_METRICS
        assert in_memory(worker, "VmRSS") < memory_formula.IDLE
    words = (ROOT / "docs" / "operations.md").read_text()
    for size in (memory_formula.IDLE, memory_formula.IDLE_MAIN, memory_formula.IDLE_MAIN_WITH_METRICS):
        assert f"up to {size // memory_formula.MIB} MiB" in words


def smaps(pid: int) -> dict[str, int]:
    """The sums of /proc/PID/smaps_rollup, in bytes."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look at memory that processes hide")
def test_idle_workers_share_one_application_that_the_main_process_has_not(fill: Fill, tmp_path: Path) -> None:
    """All of an idle server with its own PostgreSQL; memory that several processes share counts once."""
    with serving(DATA_DIR=str(fill(tmp_path))) as served:
        assert until(lambda: len(served.workers()) == 2)
        time.sleep(4)  # until each has begun its schedule
        workers = [smaps(pid) for pid in served.workers()]
        everything = sum(smaps(pid)["Pss"] for pid in served.family())
        main = smaps(served.process.pid)
        assert until(lambda: served.workers() == [], 40)
        resting = sum(smaps(pid)["Pss"] for pid in served.family())
        answered = requests.get(f"{served.url}/readyz", timeout=SECONDS)
    assert answered.ok
    assert resting < memory_formula.IDLE_RESTING
    for worker in workers:
        assert worker["Shared_Dirty"] > memory_formula.SHARED, "what the origin loaded"
        assert worker["Private_Dirty"] < memory_formula.SHARED
    assert main["Rss"] < memory_formula.IDLE_MAIN
    assert everything < memory_formula.IDLE_ALL
    words = (ROOT / "docs" / "operations.md").read_text()
    for size in (memory_formula.IDLE_ALL, memory_formula.IDLE_RESTING):
        assert f"up to {size // memory_formula.MIB} MiB together" in words


MAIN_PROCESS = "import server; unwanted = {'granian', 'asyncio', 'ssl', 'flask', 'sqlalchemy'}"
WORKER = """
import worker
from app import create_app
from config import Config
create_app(Config(database_url='postgresql+psycopg2://nobody@127.0.0.1:1/none', secret_keys=(%r,)))
unwanted = {'sqlalchemy.orm', 'flask_sqlalchemy', 'alembic', 'models.schema'}
"""


@pytest.mark.parametrize("process", [MAIN_PROCESS, WORKER % SERVER_KEY], ids=["main process", "worker"])
def test_what_is_not_needed_to_serve_is_not_loaded(process: str) -> None:
    script = f"{process}\nimport sys\nassert not unwanted & set(sys.modules), unwanted & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)
