"""Seed 002, flask-image-storage: the curl lines of its document, and its settings."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.cast import IMAGES, SERVER_KEY, cleaned
from tests.processes import Served, serving


def curl(line: str, folder: Path) -> bytes:
    return subprocess.run(f"curl -sS {line}", shell=True, cwd=folder, check=True, capture_output=True).stdout


def test_upload_get_and_cleanup(server: Served, tmp_path: Path) -> None:
    shutil.copy(IMAGES / "flower.jpg", tmp_path / "test.jpg")
    answer = json.loads(curl(f'-X POST -F "file=@test.jpg" {server.url}/upload', tmp_path))
    image_hash = answer["hash"]
    assert curl(f"{server.url}/image/{image_hash}", tmp_path) == cleaned("flower.jpg")
    assert json.loads(curl(f"{server.url}/cleanup", tmp_path))["status"] == "success"
    assert json.loads(curl(f"{server.url}/image/{'x' * 32}", tmp_path))["error"] == "not_found"


def test_its_settings_name_the_database(database_url: str) -> None:
    """POSTGRES_USER and the rest, with a socket's folder for HOST as libpq allows."""
    parts = urlsplit(database_url)
    env: dict[str, Any] = {
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": "<mypassword>",
        "POSTGRES_DB": parts.path.lstrip("/"),
        "HOST": parse_qs(parts.query)["host"][0],
    }
    with serving(before=None, **env, SECRET_KEYS=SERVER_KEY) as served:
        upload = f'-F "file=@{IMAGES / "hopper.png"}" {served.url}/upload'
        assert json.loads(curl(upload, IMAGES))["content_type"] == "image/png"
