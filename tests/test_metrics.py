"""METRICS_BIND: the figures of all processes together are true, hold nothing of an upload, and are for nobody else."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import requests

from services import counts
from tests.cast import FLOWER, SERVER_KEY, noise
from tests.databases import run
from tests.faults.canary import KINDS, WAYS, drop, mishaps, openings
from tests.faults.needles import search
from tests.metrics_of import Watched, watched
from tests.processes import ROOT, free_port, until

DOCUMENT = (ROOT / "docs" / "metrics.md").read_text()
UPLOAD = {"route": "/upload", "method": "POST", "status": "201"}
LOGIN = {"login": "grace", "password": "a long password"}
GRACE = LOGIN | {"email": "grace@example.org"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("metrics") / "data"


@pytest.fixture(scope="module")
def mayfly(database_url: str, data: Path) -> Iterator[Watched]:
    settings = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "PURGE_INTERVAL": "off"}
    with watched(DATA_DIR=str(data), **settings) as found:
        yield found


def upload(mayfly: Watched, **options: str) -> dict[str, str]:
    """Upload over a connection of its own, so that any worker may get it."""
    answer = requests.post(f"{mayfly.server.url}/upload", params=options, data=FLOWER, timeout=60)
    assert answer.status_code == 201
    found: dict[str, str] = answer.json()
    return found


def flat(mayfly: Watched) -> Counter[str]:
    """Every sample by its name and the values of its labels."""
    told = {
        " ".join([name, *(value for _, value in labels)]): amount
        for (name, labels), amount in mayfly.values().items()
    }
    return Counter(told)


def test_a_scrape_is_answered_while_a_worker_makes_its_files(mayfly: Watched, data: Path) -> None:
    assert until(lambda: mayfly.value("mayfly_workers") == 2, 30)
    made = next(data.glob("metrics/*/")) / "counter_99.db"
    made.touch()
    try:
        assert mayfly.value("mayfly_workers") == 2
    finally:
        made.unlink()


def test_the_counts_of_all_workers_are_one_and_outlive_them(database_url: str, data: Path) -> None:
    settings = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "PURGE_INTERVAL": "off"}
    with watched(DATA_DIR=str(data / "own"), **settings) as mayfly:
        for _ in range(40):
            upload(mayfly)
        folder = next((data / "own").glob("metrics/*/"))
        assert {path.name for path in folder.glob("counter_*.db")} == {"counter_0.db", "counter_1.db"}
        assert mayfly.value("mayfly_requests_total", **UPLOAD) == 40
        before = mayfly.server.workers()
        for worker in before:
            os.kill(worker, signal.SIGKILL)
        assert until(lambda: _renewed(mayfly, before) and mayfly.value("mayfly_worker_starts_total") == 4)
        assert mayfly.value("mayfly_workers") == 2
        assert mayfly.value("mayfly_requests_total", **UPLOAD) == 40
        upload(mayfly)
        assert mayfly.value("mayfly_requests_total", **UPLOAD) == 41
        assert len(list(folder.glob("counter_*.db"))) <= 3, "a number is used again"
    assert not folder.exists()


def _renewed(mayfly: Watched, before: list[int]) -> bool:
    now = mayfly.server.workers()
    return len(now) == 2 and not set(now) & set(before)


def test_each_count_is_what_happened(mayfly: Watched) -> None:
    before = flat(mayfly)
    link = upload(mayfly)["image_url"]
    size = len(requests.get(link, timeout=60).content)
    counted = upload(mayfly, views="2")["image_url"]
    for _ in range(3):
        requests.post(counted, timeout=60)
    put = requests.put(f"{mayfly.server.url}/a.jpg", data=FLOWER, auth=("", "right"), timeout=60)
    for password in ("wrong", "right", "right"):
        requests.post(put.text.strip(), data={"password": password}, timeout=60)
    more = flat(mayfly)
    more.subtract(before)
    for name, times in {
        "mayfly_views_claimed_total": 2,
        "mayfly_refusals_total not_found": 1,
        "mayfly_guesses_total image right": 2,
        "mayfly_guesses_total image wrong": 1,
        "mayfly_requests_total POST /image/<first:name> 404": 1,
        "mayfly_step_seconds_count store": 3,
        "mayfly_step_seconds_count examine": 3,
        "mayfly_step_seconds_count find": 1 + 3 + 3,
        "mayfly_step_seconds_count claim": 2,
        "mayfly_step_seconds_count stretch": 2,
        "mayfly_request_seconds_count /upload": 2,
        "mayfly_unexpected_errors_total": 0,
        "mayfly_received_bytes_total": 3 * len(FLOWER) + len("password=wrong" + 2 * "password=right"),
    }.items():
        assert more[name] == times, name
    assert 5 * size <= more["mayfly_sent_bytes_total"] <= 5 * size + 8192


def test_logins_are_guesses_too(mayfly: Watched) -> None:
    requests.post(f"{mayfly.server.url}/api/registration", json=GRACE, timeout=60)
    before = flat(mayfly)
    for password in ("a long password", "another password"):
        requests.post(f"{mayfly.server.url}/api/login", json=LOGIN | {"password": password}, timeout=60)
    more = flat(mayfly)
    more.subtract(before)
    for outcome in ("right", "wrong"):
        assert more[f"mayfly_guesses_total account {outcome}"] == 1


def test_what_comes_and_goes_is_seen(mayfly: Watched) -> None:
    def given() -> float | None:
        return mayfly.value("mayfly_memory_given_bytes", part="large")

    assert until(lambda: given() == 0)
    with closing(socket.create_connection(("127.0.0.1", mayfly.server.port))) as slow:
        size = 5 * 2**20
        head = f"POST /upload HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {size}\r\n\r\n"
        slow.sendall(head.encode() + FLOWER + bytes(2**20))
        assert until(lambda: given() == size)
    assert until(lambda: given() == 0)
    values = mayfly.values()
    assert values["mayfly_threads_most", ()] == 2 * (4 + 4)
    assert values["mayfly_connections_most", ()] == 2 * 5


def test_an_answer_that_is_cut_off_is_counted(mayfly: Watched) -> None:
    before = mayfly.value("mayfly_cut_off_total") or 0
    large, url = noise(1300, 1300), f"{mayfly.server.url}/upload?lifetime=2s"
    link = requests.post(url, data=large, timeout=60).json()["image_url"].rpartition("/")[2]
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(("127.0.0.1", mayfly.server.port))
        reader.sendall(f"GET /image/{link} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert until(lambda: mayfly.value("mayfly_cut_off_total") == before + 1)


def test_what_is_asked_at_a_scrape_is_true(mayfly: Watched, database_url: str) -> None:
    run(database_url, "TRUNCATE images")  # images of earlier tests would expire while this one counts
    assert requests.get(f"{mayfly.server.url}/cleanup", timeout=60).ok
    upload(mayfly)
    mortal = upload(mayfly, lifetime="1s")
    assert until(lambda: mayfly.value("mayfly_images_alive") == 1)
    assert until(lambda: (mayfly.value("mayfly_purge_lag_seconds", of="rows") or 0) > 1)
    assert (mayfly.value("mayfly_stored_bytes") or 0) > int(mortal["size"])
    counted = mayfly.value("mayfly_purged_rows_total") or 0
    purged = requests.get(f"{mayfly.server.url}/cleanup", timeout=60).json()["deleted"]
    assert purged >= 1
    assert mayfly.value("mayfly_purged_rows_total") == counted + purged
    assert mayfly.value("mayfly_purge_lag_seconds", of="rows") == 0
    for part in requests.get(f"{mayfly.server.url}/readyz", timeout=60).json()["parts"]:
        assert mayfly.value("mayfly_ready", part=part) == 1


def test_nothing_of_an_upload_is_in_them(mayfly: Watched, data: Path, tmp_path: Path) -> None:
    url = mayfly.server.url
    requests.post(f"{url}/api/registration", json=GRACE, timeout=60)
    token = requests.post(f"{url}/api/login", json=LOGIN, timeout=60).json()["Authorization"]
    canaries = [
        drop(mayfly.server, way, kind, SERVER_KEY, {"Authorization": token})
        for way, kind in zip([*WAYS], [*KINDS, *KINDS], strict=False)
    ]
    for canary in canaries:
        for due, answer in [*openings(mayfly.server, canary), *mishaps(mayfly.server, canary)]:
            assert answer.status_code in {due, 429}
    told = tmp_path / "told"
    told.mkdir()
    (told / "metrics").write_text(mayfly.text)
    needles = [needle for canary in canaries for needle in canary.needles()]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert search([told, data / "metrics"], needles, scratch) == []
    for word in ("grace", token, "127.0.0.1", SERVER_KEY):
        assert word not in mayfly.text
    (told / "metrics").write_text(mayfly.text + canaries[0].filename)
    assert search([told], needles, scratch), "it would be noticed"


def test_labels_are_from_lists(mayfly: Watched) -> None:
    """However strange the requests, there are no more series."""

    def strange(word: str) -> None:
        url = f"{mayfly.server.url}/{word}/{word}"
        for method in ("GET", "BREW", word):
            requests.request(method, url, timeout=60)
        requests.post(
            f"{mayfly.server.url}/upload", params={word: "1"}, data=b"GIF89a" + word.encode(), timeout=60
        )
        requests.post(
            f"{mayfly.server.url}/upload", data=b"x", headers={"Host": f"{word}.example"}, timeout=60
        )
        requests.post(f"{mayfly.server.url}/api/images", json={word: 1}, timeout=60)

    strange("once")
    before = set(mayfly.values())
    for number in range(5):
        strange(f"word{number}")
    assert set(mayfly.values()) == before


def test_nobody_else_is_answered_and_no_other_user_looks_in(mayfly: Watched, data: Path) -> None:
    assert requests.get(f"{mayfly.server.url}/metrics", timeout=60).status_code == 404
    assert (data / "metrics").stat().st_mode & 0o777 == 0o700
    assert next(data.glob("metrics/*/")).stat().st_mode & 0o777 == 0o700


def test_a_start_removes_what_was_left_and_leaves_what_is_used(
    mayfly: Watched, data: Path, database_url: str
) -> None:
    used = next(data.glob("metrics/*/"))
    left = data / "metrics" / "left"
    shutil.copytree(used, left)
    settings = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "PURGE_INTERVAL": "off"}
    with watched(DATA_DIR=str(data), **settings) as second:
        assert not left.exists()
        assert len(list(data.glob("metrics/*/"))) == 2
        upload(second)
        assert second.value("mayfly_requests_total", **UPLOAD) == 1
    assert list(data.glob("metrics/*/")) == [used]


def test_a_scrape_goes_on_while_the_database_is_away(data: Path) -> None:
    settings = {"DATABASE_URL": f"postgresql://me@127.0.0.1:{free_port()}/x", "SECRET_KEYS": SERVER_KEY}
    script = (
        "import sys, metrics\n"
        "from app import create_app\n"
        "scrape = metrics._Scrape(create_app(), __import__('pathlib').Path(sys.argv[1]), {})\n"
        "print({m.name: {tuple(s.labels.values()): s.value for s in m.samples} for m in scrape.collect()})"
    )
    env = {**os.environ, **settings, "DATA_DIR": str(data)}
    ran = subprocess.run(
        [sys.executable, "-c", script, str(ROOT)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    told = eval(ran.stdout)
    assert told["mayfly_ready"]["database",] == 0
    assert "mayfly_images_alive" not in told


@pytest.mark.parametrize("wrong", ["taken", "same"])
def test_an_address_that_can_t_be_served_stops_the_start(database_url: str, data: Path, wrong: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        bind = port if wrong == "same" else free_port()
        env = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "DATA_DIR": str(data)}
        env |= {"METRICS_BIND": f"127.0.0.1:{port}", "BIND": f"127.0.0.1:{bind}"}
        ran = subprocess.run(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("mayfly: METRICS_BIND")


def test_without_the_setting_nothing_is_loaded() -> None:
    script = "import sys, server; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def names() -> set[str]:
    """Every metric's name as it is told; a count ends in _total."""
    return {
        family.name + ("_total" if isinstance(family, counts.Count) else "")
        for family in vars(counts).values()
        if isinstance(family, counts.Family)
    }


def test_every_metric_is_explained_and_every_explained_one_is_there(mayfly: Watched) -> None:
    explained = set(re.findall(r"mayfly_\w+", "\n".join(re.findall(r"^\| (.+?) \|", DOCUMENT, re.MULTILINE))))
    source = (ROOT / "metrics.py").read_text()
    assert explained == names() | set(re.findall(r'"(mayfly_\w+)"', source))


@pytest.mark.parametrize(
    "file", ["deploy/prometheus/alerts.yml", "deploy/grafana/mayfly.json", "docs/metrics.md"]
)
def test_what_asks_for_metrics_asks_for_those_there_are(file: str) -> None:
    asked = set(re.findall(r"\bmayfly_\w+", (ROOT / file).read_text()))
    bases = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    source = (ROOT / "metrics.py").read_text()
    assert bases <= names() | set(re.findall(r'"(mayfly_\w+)"', source))


def test_promtool_finds_nothing_to_complain_of(mayfly: Watched) -> None:
    upload(mayfly)
    with suppress(OSError):
        requests.post(f"{mayfly.server.url}/upload", data=b"no image", timeout=60)
    ran = subprocess.run(
        ["promtool", "check", "metrics"], input=mayfly.text, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_a_limit_that_is_hit_is_counted(database_url: str, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": database_url, "SECRET_KEYS": SERVER_KEY, "DATA_DIR": str(tmp_path)}
    with watched(RATE_LIMITS="", **settings) as mayfly:
        codes = [requests.get(f"{mayfly.server.url}/cleanup", timeout=60).status_code for _ in range(150)]
        assert mayfly.value("mayfly_limits_hit_total", limit="cleanup") == codes.count(429) > 0
