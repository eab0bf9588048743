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
from tests.processes import free_port, until

ACCESS_KEY, SECRET_KEY = "test", "a secret of the tests"
PORTS = [f"{part}.port{kind}" for part in ("master", "volume", "filer", "s3") for kind in ("", ".grpc")]
OPTIONS: dict[str, object] = {
    "ip": "127.0.0.1",
    "ip.bind": "127.0.0.1",
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


@contextmanager
def seaweed() -> Iterator[Service]:
    """Run SeaweedFS in a folder of its own until the block ends; it is up after some four seconds."""
    with tempfile.TemporaryDirectory(prefix="weed") as folder:
        ports = {name: free_port() for name in PORTS}
        identity = {
            "name": "mayfly",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List"],
        }
        config = Path(folder) / "s3.json"
        config.write_text(json.dumps({"identities": [identity]}))
        own = {
            "dir": folder,
            "s3.config": config,
            "filer.localSocket": f"{folder}/f",
            "s3.localSocket": f"{folder}/s",
        }
        options = [f"-{name}={value}" for name, value in (OPTIONS | own | ports).items()]
        with (Path(folder) / "log").open("wb") as log:
            process = subprocess.Popen(
                [Path(sys.executable).parent / "weed", "-logtostderr=true", "server", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        endpoint, filer = (f"http://127.0.0.1:{ports[name]}" for name in ("s3.port", "filer.port"))
        try:
            assert until(lambda: _answers(process, endpoint), 60), (Path(folder) / "log").read_text()
            yield Service(endpoint, ACCESS_KEY, SECRET_KEY, filer)
        finally:
            process.kill()
            process.wait(30)


def _answers(process: subprocess.Popen[bytes], endpoint: str) -> bool:
    assert process.poll() is None
    try:
        return requests.get(f"{endpoint}/status", timeout=5).ok
    except requests.RequestException:
        return False
