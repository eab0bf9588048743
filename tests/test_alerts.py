"""Each alert of deploy/prometheus/alerts.yml fires when it should and not before, and on a real server's metrics."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text

import embedded
from tests.cast import FLOWER, SERVER_KEY
from tests.clusters import Fill
from tests.metrics_of import Watched, watched
from tests.processes import ROOT, free_port, until

FOLDER = ROOT / "deploy" / "prometheus"
ALERTS = FOLDER / "alerts.yml"
NAMES = re.findall(r"- alert: (\w+)", ALERTS.read_text())
JOB = 'job="mayfly",instance="a"'
BUSY = f'mayfly_refusals_total{{{JOB},reason="too_busy"}}'


def ready(part: str) -> str:
    return f'mayfly_ready{{{JOB},part="{part}"}}'


def fast(le: str) -> str:
    return f'mayfly_request_seconds_bucket{{{JOB},route="/upload",le="{le}"}}'


Series = dict[str, str]
CASES: dict[str, tuple[Series, Series]] = {
    "MayflyDown": ({f"up{{{JOB}}}": "1 0x30"}, {f"up{{{JOB}}}": "1x31"}),
    "MayflyWorkersMissing": (
        {f"mayfly_workers{{{JOB}}}": "2 1x30", f"mayfly_workers_most{{{JOB}}}": "2x31"},
        {f"mayfly_workers{{{JOB}}}": "2 1 2x29", f"mayfly_workers_most{{{JOB}}}": "2x31"},
    ),
    "MayflyWorkersDie": (
        {f"mayfly_worker_starts_total{{{JOB}}}": "2+1x31"},
        {f"mayfly_worker_starts_total{{{JOB}}}": "2x20 3x10"},
    ),
    "MayflyDatabaseAway": ({ready("database"): "1 0x30"}, {ready("database"): "1x31"}),
    "MayflySchemaOld": ({ready("migrations"): "1 0x30"}, {ready("migrations"): "1x31"}),
    "MayflyPurgeLags": ({ready("purge"): "1 0x30"}, {ready("purge"): "1x31"}),
    "MayflyDiskShort": ({ready("disk"): "1 0x30"}, {ready("disk"): "1x31"}),
    "MayflyNoJail": ({ready("sandbox"): "1 0x30"}, {ready("sandbox"): "1x31"}),
    "MayflyDiskFills": (
        {f"mayfly_disk_free_bytes{{{JOB}}}": "14x31", f"mayfly_disk_bytes{{{JOB}}}": "100x31"},
        {f"mayfly_disk_free_bytes{{{JOB}}}": "16x31", f"mayfly_disk_bytes{{{JOB}}}": "100x31"},
    ),
    "MayflyQuotaFills": (
        {f"mayfly_stored_bytes{{{JOB}}}": "91x31", f"mayfly_stored_most_bytes{{{JOB}}}": "100x31"},
        {f"mayfly_stored_bytes{{{JOB}}}": "89x31", f"mayfly_stored_most_bytes{{{JOB}}}": "100x31"},
    ),
    "MayflyMistakes": (
        {f"mayfly_unexpected_errors_total{{{JOB}}}": "0x28 1x3"},
        {f"mayfly_unexpected_errors_total{{{JOB}}}": "1x31"},
    ),
    "MayflyBusy": ({BUSY: "0+12x31"}, {BUSY: "0+3x31"}),
    "MayflySlow": (
        {fast("2.5"): "0x31", fast("5.0"): "0+6x31", fast("+Inf"): "0+6x31"},
        {fast("2.5"): "0+6x31", fast("5.0"): "0+6x31", fast("+Inf"): "0+6x31"},
    ),
    "MayflyGuessing": (
        {f'mayfly_guesses_total{{{JOB},of="image",outcome="wrong"}}': "0+18x31"},
        {f'mayfly_guesses_total{{{JOB},of="image",outcome="right"}}': "0+90x31"},
    ),
    "MayflyLimitsHit": (
        {f'mayfly_limits_hit_total{{{JOB},limit="uploads"}}': "0+90x31"},
        {f'mayfly_limits_hit_total{{{JOB},limit="uploads"}}': "0+30x31"},
    ),
    "MayflySandboxesDie": (
        {f"mayfly_sandbox_deaths_total{{{JOB}}}": "0+2x31"},
        {f"mayfly_sandbox_deaths_total{{{JOB}}}": "0+1x31"},
    ),
}
"""For each alert: a minute after another of what fires it, and of what must not."""


def test_every_alert_has_its_case_and_every_rule_is_sound() -> None:
    assert sorted(CASES) == sorted(NAMES)
    for line in (["config", "prometheus.yml"], ["rules", "alerts.yml"]):
        ran = subprocess.run(["promtool", "check", *line], cwd=FOLDER, capture_output=True, check=False)
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("fires", [True, False], ids=["fires", "stays quiet"])
@pytest.mark.parametrize("alert", NAMES)
def test_an_alert_fires_when_it_should(tmp_path: Path, alert: str, fires: bool) -> None:
    series = CASES[alert][0 if fires else 1]
    asked = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    case = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": asked, "eval_time": "30m", "exp_samples": samples}],
    }
    rules = tmp_path / "test.yml"  # JSON is YAML
    rules.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [case]}))
    ran = subprocess.run(["promtool", "test", "rules", rules], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@dataclass
class Prometheus:
    """A real one, that asks a Mayfly every second; its rules are ours with every duration short."""

    url: str

    def firing(self) -> set[str]:
        answer = requests.get(f"{self.url}/api/v1/alerts", timeout=20).json()
        return {
            alert["labels"]["alertname"] for alert in answer["data"]["alerts"] if alert["state"] == "firing"
        }

    def fires(self, *alerts: str) -> None:
        """Wait until these alerts fire, and print how long that took."""
        began = time.monotonic()
        assert until(lambda: set(alerts) <= self.firing(), 60), (alerts, self.firing())
        sys.stdout.write(f"{', '.join(alerts)}: fired after {time.monotonic() - began:.0f} s\n")

    def is_quiet(self) -> None:
        began = time.monotonic()
        assert until(lambda: not self.firing(), 90), self.firing()
        sys.stdout.write(f"quiet after {time.monotonic() - began:.0f} s\n")


def shortened(rules: str) -> str:
    """The rules with no patience, over the last 20 seconds instead of minutes."""
    return re.sub(r"\[\d+m\]", "[20s]", re.sub(r"^ +for: .*\n", "", rules, flags=re.MULTILINE))


@contextmanager
def prometheus(mayfly: Watched, folder: Path) -> Iterator[Prometheus]:
    folder.mkdir()
    port = free_port()
    config = (FOLDER / "prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(config.replace("9105", str(mayfly.port)).replace("15s", "1s"))
    (folder / "alerts.yml").write_text(shortened(ALERTS.read_text()))
    command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        found = Prometheus(f"http://127.0.0.1:{port}")
        assert until(lambda: answers(f"{found.url}/-/ready"), 60), (folder / "log").read_text()
        yield found
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


class Database:
    """A PostgreSQL of its own that can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self.url = self.start()

    def start(self) -> str:
        return self._stack.enter_context(embedded.running(self.folder, durable=False))

    def stop(self) -> None:
        self._stack.close()

    def run(self, statement: str) -> None:
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()


@pytest.mark.timeout(600)
def test_what_is_bad_at_a_start_fires(fill: Fill, tmp_path: Path) -> None:
    """A kernel without seccomp, and a disk that is full."""
    data = fill(tmp_path / "data")
    settings: dict[str, Any] = {"DATA_DIR": str(data), "DISK_BYTES": str(64 * 2**20), "WORKERS": "1"}
    under = (sys.executable, "-m", "tests.without_seccomp")
    with (
        watched(command=("-m", "tests.faults.small_disk"), under=under, **settings) as mayfly,
        prometheus(mayfly, tmp_path / "prometheus") as watch,
    ):
        watch.fires("MayflyNoJail", "MayflyDiskShort", "MayflyDiskFills")
        assert watch.firing() == {"MayflyNoJail", "MayflyDiskShort", "MayflyDiskFills"}


@pytest.mark.timeout(900)
def test_what_goes_wrong_fires_and_what_is_mended_is_quiet(fill: Fill, tmp_path: Path) -> None:
    database = Database(fill(tmp_path / "database"))
    settings: dict[str, Any] = {
        "DATABASE_URL": database.url,
        "SECRET_KEYS": SERVER_KEY,
        "PURGE_INTERVAL": "off",
    }
    settings |= {"DATA_DIR": str(tmp_path / "data"), "MAX_STORED_BYTES": "30000", "WORKERS": "1"}
    try:
        with (
            watched(**settings) as mayfly,
            prometheus(mayfly, tmp_path / "prometheus") as watch,
        ):
            assert until(lambda: mayfly.value("mayfly_workers") == 1)
            watch.is_quiet()
            fill_and_purge(mayfly, database, watch)
            guess(mayfly, watch)
            database.run("UPDATE alembic_version SET version_num = '0005'")
            watch.fires("MayflySchemaOld")
            database.run("UPDATE alembic_version SET version_num = '9999'")
            database.run("ALTER TABLE images RENAME TO away")
            ask_often(mayfly)
            watch.fires("MayflyMistakes", "MayflyDatabaseAway")
            database.run("ALTER TABLE away RENAME TO images")
            watch.is_quiet()
            database.stop()
            watch.fires("MayflyDatabaseAway")
            database.start()
            watch.is_quiet()
            mayfly.server.stop()
            watch.fires("MayflyDown")
    finally:
        database.stop()


def fill_and_purge(mayfly: Watched, database: Database, watch: Prometheus) -> None:
    """One image takes over nine tenths of the quota; then its time is two minutes ago, and nobody purges."""
    assert requests.post(f"{mayfly.server.url}/upload", data=FLOWER, timeout=60).status_code == 201
    watch.fires("MayflyQuotaFills")
    for change in (
        "UPDATE images SET created_at = now() - interval '1h', expires_at = now() - interval '2min'",
        "UPDATE stored SET until = now() - interval '2min' WHERE bytes > 0",
    ):
        database.run(change)
    watch.fires("MayflyPurgeLags")
    assert requests.get(f"{mayfly.server.url}/cleanup", timeout=60).json()["deleted"] == 1
    watch.is_quiet()


def guess(mayfly: Watched, watch: Prometheus) -> None:
    """Five wrong passwords at once; then the image is deleted, which needs none."""
    url = mayfly.server.url
    told = requests.post(f"{url}/upload", data=FLOWER, auth=("", "right"), timeout=60).json()
    for _ in range(5):
        requests.post(told["image_url"], data={"password": "wrong"}, timeout=60)
    watch.fires("MayflyGuessing")
    assert requests.delete(f"{url}/images/{told['image_key']}", timeout=60).status_code == 200


def ask_often(mayfly: Watched) -> None:
    for _ in range(4):
        assert requests.get(f"{mayfly.server.url}/image/{'A' * 32}", timeout=60).status_code == 500
        time.sleep(1)
