"""The tests of object stores on OpenStack Swift, and what Swift and SeaweedFS forget by themselves."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from storage import CiphertextGone, ObjectStore, open_object_store
from tests.cluster.swift import Swift, swift
from tests.cluster.table import say
from tests.object_store import SeaweedFS, Service
from tests.processes import ROOT, until

TESTS = ("tests/storage/test_contract.py", "tests/storage/test_objects.py", "tests/web/test_object_store.py")
KEY, SIZE = b"f" * 32, 2_000_000
PATIENCE = 300


def options(parser: argparse.ArgumentParser) -> None:
    """Describe what this form takes."""
    parser.add_argument(
        "--quick", action="store_true", help="don't wait until the stores forget: five minutes"
    )


def run(arguments: argparse.Namespace) -> bool:
    """Run the tests on Swift, and see that both stores forget; True where all passed."""
    with swift() as store:
        passed = _tested(store.service)
        if not arguments.quick:
            swift_forgets(store)
    if not arguments.quick:
        seaweedfs_forgets()
    return passed


def _tested(service: Service) -> bool:
    named = " ".join((service.endpoint, service.access_key, service.secret_key))
    command = [sys.executable, "-m", "pytest", "-q", *TESTS, "-k", "not seaweedfs"]
    env = {**os.environ, "TESTED_OBJECT_STORE": named}
    return not subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def swift_forgets(swift: Swift) -> None:
    """Put an object with as short a lifetime as may be; its file goes at the next run of the expirer."""
    began = time.monotonic()
    store = open_object_store(swift.service.settings("mayfly-forgets", "swift"), lambda *_: None)
    store.put(10, KEY, [bytes(SIZE)], SIZE, 1)
    assert until(lambda: _forgotten(store), PATIENCE)
    say(f"Swift gave it out no more after {time.monotonic() - began:.0f} s")
    assert until(lambda: _expired(swift), PATIENCE)
    say(f"its file was gone by a run of swift-object-expirer after {time.monotonic() - began:.0f} s")


def _expired(swift: Swift) -> bool:
    swift.expire()
    return _files(swift.folder / "devices", SIZE) == 0


def _forgotten(store: ObjectStore) -> bool:
    try:
        store.fetch(None, 10, KEY, SIZE)
    except CiphertextGone:
        return True
    return False


def seaweedfs_forgets() -> None:
    """Put objects that live for a minute; then the volume is dropped that they are in."""
    with tempfile.TemporaryDirectory(prefix="weed") as name:
        weed = SeaweedFS(Path(name))
        try:
            weed.start()
            bucket = open_object_store(weed.service.settings("forgets", "seaweedfs"), lambda *_: None)._bucket
            bucket.put("mayfly/0000000010-short", [os.urandom(SIZE)], SIZE, ttl="1m")
            began = time.monotonic()
            assert _files(Path(name), SIZE) == 1
            assert until(lambda: bucket.keys("mayfly/", 1) == [], PATIENCE)
            say(f"SeaweedFS gave it out no more after {time.monotonic() - began:.0f} s")
            assert until(lambda: _files(Path(name), SIZE) == 0, PATIENCE)
            say(f"its volume was gone after {time.monotonic() - began:.0f} s")
        finally:
            weed.kill()


def _files(folder: Path, least: int) -> int:
    """How many files of at least so many bytes are in a folder."""
    sizes = []
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size if path.is_file() else 0)
        except OSError:
            continue  # it went meanwhile
    return sum(size >= least for size in sizes)
