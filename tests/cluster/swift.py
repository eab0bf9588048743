"""OpenStack Swift with its S3 API, as Debian has it: one server of each kind, in a folder of its own."""

from __future__ import annotations

import contextlib
import getpass
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storage import open_object_store
from tests.object_store import Service
from tests.processes import end, free_port, until

KINDS = ("account", "container", "object")
DEFAULT = f"""
[DEFAULT]
user = {getpass.getuser()}
bind_ip = 127.0.0.1
bind_port = {{port}}
swift_dir = {{folder}}
devices = {{folder}}/devices
mount_check = false
recon_cache_path = {{folder}}
workers = 0
"""
SERVER = """
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
FILTERS = "".join(
    f"[filter:{name}]\nuse = egg:swift#{name}\n"
    for name in ("catch_errors", "gatekeeper", "bulk", "slo", "dlo")
)
PROXY = f"""
[pipeline:main]
pipeline = catch_errors gatekeeper cache s3api tempauth bulk slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
{FILTERS}
"""


UPDATER = """
[container-updater]
"""
"""It tells the account of what is to expire which containers it has."""
EXPIRER = f"""
[DEFAULT]
user = {getpass.getuser()}
swift_dir = {{folder}}
recon_cache_path = {{folder}}
[object-expirer]
[pipeline:main]
pipeline = catch_errors cache proxy-server
[app:proxy-server]
use = egg:swift#proxy
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
{FILTERS}
"""


@dataclass
class Swift:
    """A Swift that runs."""

    service: Service
    folder: Path

    def expire(self) -> None:
        """Have its expirer run once, which removes the files of what is over."""
        (self.folder / "object-expirer.conf").write_text(EXPIRER.format(folder=self.folder))
        for name in ("container-updater", "object-expirer"):
            settings = self.folder / f"{name.removesuffix('-updater')}.conf"
            with (self.folder / f"{name}.log").open("ab") as log:
                command = [f"swift-{name}", str(settings), "--once", "--verbose"]
                subprocess.run(command, stdout=log, stderr=log, check=True, timeout=120)


@contextmanager
def swift() -> Iterator[Swift]:
    """Run Swift until the block ends; it is up after half a minute."""
    with tempfile.TemporaryDirectory(prefix="swift") as name, contextlib.ExitStack() as running:
        folder = Path(name)
        ports = {kind: free_port() for kind in (*KINDS, "proxy")}
        (folder / "devices" / "d1").mkdir(parents=True)
        for kind in KINDS:
            _make_ring(folder, kind, ports[kind])
        for kind in (*KINDS, "proxy"):
            body = PROXY if kind == "proxy" else SERVER.format(kind=kind)
            body += UPDATER if kind == "container" else ""
            (folder / f"{kind}.conf").write_text(DEFAULT.format(port=ports[kind], folder=folder) + body)
        for kind in (*KINDS, "proxy"):
            running.callback(end, _start(folder, kind), 10)
        service = Service(f"http://127.0.0.1:{ports['proxy']}", "test:tester", "testing")
        assert until(lambda: _answers(service), 90), (folder / "proxy.log").read_text()
        yield Swift(service, folder)


def _make_ring(folder: Path, kind: str, port: int) -> None:
    builder = folder / f"{kind}.builder"
    for words in (("create", "4", "1", "1"), ("add", f"r1z1-127.0.0.1:{port}/d1", "1"), ("rebalance",)):
        subprocess.run(["swift-ring-builder", builder, *words], check=True, stdout=subprocess.DEVNULL)


def _start(folder: Path, kind: str) -> subprocess.Popen[bytes]:
    with (folder / f"{kind}.log").open("wb") as log:
        command = [f"swift-{kind}-server", str(folder / f"{kind}.conf"), "--verbose"]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _answers(service: Service) -> bool:
    try:
        # The account is made by the first request that may, and each of the other servers is asked for that.
        store = open_object_store(service.settings("mayfly-up"), lambda *_: None)
        store.put(7, b"k" * 32, [b"sealed"], 6, 60)
        return bytes(store.fetch(None, 7, b"k" * 32, 6)) == b"sealed"
    except Exception:
        time.sleep(1)
        return False
