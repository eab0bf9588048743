"""OpenStack Swift with its S3 API, as Debian has it: `python -m tests.cluster.swift` runs the stores' tests on it.

It needs the packages swift-proxy, swift-account, swift-container and swift-object. One server of
each runs in a folder of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage import CiphertextGone, ObjectStore, open_object_store
from tests.object_store import Service, seaweed
from tests.processes import ROOT, end, free_port, until

KINDS = ("account", "container", "object")
TESTS = ("tests/storage/test_contract.py", "tests/storage/test_objects.py", "tests/web/test_object_store.py")
USER = "swift"
"""Swift's servers become this user where root starts them."""
DEFAULT = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
recon_cache_path = {folder}
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


@contextmanager
def swift() -> Iterator[Service]:
    """Run Swift in a folder of its own until the block ends; it is up after half a minute."""
    with tempfile.TemporaryDirectory(prefix="swift") as name, contextlib.ExitStack() as running:
        folder = Path(name)
        ports = {kind: free_port() for kind in (*KINDS, "proxy")}
        (folder / "devices" / "d1").mkdir(parents=True)
        for kind in KINDS:
            _make_ring(folder, kind, ports[kind])
        for kind in (*KINDS, "proxy"):
            body = PROXY if kind == "proxy" else SERVER.format(kind=kind)
            (folder / f"{kind}.conf").write_text(DEFAULT.format(port=ports[kind], folder=folder) + body)
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                shutil.chown(path, USER, USER)
        for kind in (*KINDS, "proxy"):
            running.callback(end, _start(folder, kind), 10)
        service = Service(f"http://127.0.0.1:{ports['proxy']}", "test:tester", "testing")
        assert until(lambda: _answers(service), 90), (folder / "proxy.log").read_text()
        yield service


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


def forgets(store: ObjectStore, seconds: float) -> float:
    """Return after how many seconds an object was forgotten that was put with as short a lifetime as may be."""
    key, began = b"f" * 32, time.monotonic()
    store.put(10, key, [b"sealed"], 6, 1)
    while time.monotonic() - began < seconds:
        try:
            store.fetch(None, 10, key, 6)
        except CiphertextGone:
            return time.monotonic() - began
        time.sleep(1)
    raise AssertionError(f"it was there after {seconds:.0f} s")


def main() -> None:
    with swift() as service:
        env = {
            **os.environ,
            "TESTED_OBJECT_STORE": " ".join((service.endpoint, service.access_key, service.secret_key)),
        }
        command = [sys.executable, "-m", "pytest", "-q", *TESTS, "-k", "not seaweedfs", *sys.argv[1:]]
        status = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
        store = open_object_store(service.settings("mayfly-forgets", "swift"), lambda *_: None)
        sys.stdout.write(f"Swift forgot by itself after {forgets(store, 90):.0f} s\n")
    with seaweed() as service:
        bucket = open_object_store(service.settings("mayfly-forgets", "seaweedfs"), lambda *_: None)._bucket
        bucket.put("mayfly/0000000010-short", [b"sealed"], 6, ttl="1m")
        assert bucket.get("mayfly/0000000010-short", 6) == b"sealed"
        began = time.monotonic()
        assert until(lambda: bucket.keys("mayfly/", 1) == [], 90)
        sys.stdout.write(f"SeaweedFS forgot by itself after {time.monotonic() - began:.0f} s\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
