"""A real object store on this machine: SeaweedFS, one process with its master, volume, filer and S3 gateway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from storage import BucketSettings, Expiry
from tests.processes import Killable, free_port, until

ACCESS_KEY, SECRET_KEY = "test", "a secret of the tests"
PORTS = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
OPTIONS: dict[str, object] = {
    "filer": "true",
    "s3": "true",
    "s3.iam": "false",
    "s3.port.iceberg": 0,
    "s3.port.lance": 0,
    "master.telemetry": "false",
    "master.volumeSizeLimitMB": 64,
    "volume.max": 0,
}


@dataclass
class Service:
    """An object store that runs, where it answers, and who may ask."""

    endpoint: str
    access_key: str
    secret_key: str
    filer: str | None = None

    def settings(self, bucket: str, expiry: Expiry = "sweep") -> BucketSettings:
        filer = self.filer if expiry == "seaweedfs" else None
        return BucketSettings(
            bucket, "us-east-1", self.access_key, self.secret_key, self.endpoint, expiry, filer
        )

    def env(self, bucket: str) -> dict[str, str]:
        """The settings of a Mayfly that keeps large images there."""
        return {
            "CIPHERTEXT_STORE": "s3",
            "S3_BUCKET_NAME": bucket,
            "S3_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
        }


@contextmanager
def tested() -> Iterator[Service]:
    """The object store that the environment names, by address and keys; else SeaweedFS."""
    given = os.environ.get("TESTED_OBJECT_STORE")
    if given:
        yield Service(*given.split())
    else:
        with seaweed() as service:
            yield service


class SeaweedFS(Killable):
    """One process with its master, volume, filer and S3 gateway, in a folder of its own."""

    def __init__(self, folder: Path, address: str = "127.0.0.1", under: tuple[str, ...] = ()) -> None:
        self._folder, self._under = folder, under
        self._ports = {name: free_port() for name in PORTS}
        self._address = {"ip": address, "ip.bind": address}
        endpoint, filer = (f"http://{address}:{self._ports[name]}" for name in ("s3.port", "filer.port"))
        self.service = Service(endpoint, ACCESS_KEY, SECRET_KEY, filer)

    @property
    def log(self) -> Path:
        return self._folder / "log"

    def start(self) -> None:
        """Run it, and wait until it answers, which takes some four seconds."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [
                    *self._under,
                    str(Path(sys.executable).parent / "weed"),
                    "-logtostderr=true",
                    "server",
                    *self._options(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._process = process
        assert until(lambda: _answers(process, self.service.endpoint), 60), self.log.read_text()

    def _options(self) -> list[str]:
        identity = {
            "name": "mayfly",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        config = self._folder / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        own = {
            "dir": self._folder,
            "s3.config": config,
            "filer.localSocket": self._folder / "f",
            "s3.localSocket": self._folder / "s",
        }
        return [f"-{name}={value}" for name, value in (OPTIONS | self._address | own | self._ports).items()]


@contextmanager
def seaweed() -> Iterator[Service]:
    """Run SeaweedFS in a folder of its own until the block ends."""
    with tempfile.TemporaryDirectory(prefix="weed") as folder:
        store = SeaweedFS(Path(folder))
        try:
            try:
                store.start()
            except AssertionError:  # another process has taken one of its ports meanwhile
                store = SeaweedFS(Path(folder))
                store.start()
            yield store.service
        finally:
            store.kill()


def _answers(process: subprocess.Popen[bytes], endpoint: str) -> bool:
    assert process.poll() is None
    try:
        return requests.get(f"{endpoint}/status", timeout=5).ok
    except requests.RequestException:
        return False
