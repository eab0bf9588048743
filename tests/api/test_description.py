"""The description of the API: complete, true, and shown without asking any other host."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient

from app import Mayfly
from config import VERSION
from tests.processes import ROOT, Served
from web.description.openapi import METHODS, NOT_DESCRIBED, describe_api, path_of
from web.request.options import UploadOptions
from web.routes.catalog import ListOptions

DESCRIBED_METHODS = {method.lower() for method in METHODS}


def api(client: FlaskClient) -> dict[str, Any]:
    return dict(client.get("/openapi.json").get_json())


def test_every_route_and_method_is_in_it(app: Mayfly, client: FlaskClient) -> None:
    paths = api(client)["paths"]
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in NOT_DESCRIBED]
    assert {path_of(rule) for rule in rules} == set(paths)
    for rule in rules:
        answered = {method.lower() for method in rule.methods or ()} - {"options"}
        assert answered <= DESCRIBED_METHODS
        assert set(paths[path_of(rule)]) >= answered


def test_a_route_that_nobody_described_is_noticed() -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/new", view_func=lambda: "")
    with pytest.raises(LookupError, match="/new"):
        describe_api(app)


def test_it_is_openapi_3_1_and_its_references_lead_somewhere(client: FlaskClient) -> None:
    described = api(client)
    assert described["openapi"] == "3.1.0"
    schemas = described["components"]["schemas"]
    for name in re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(described)):
        jsonschema_rs.Draft202012Validator(schemas[name] | {"components": described["components"]})
    ids = [operation["operationId"] for path in described["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids))


def test_its_version_is_the_project_s() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == VERSION


def parameters(described: dict[str, Any], path: str, method: str) -> set[str]:
    return {one["name"] for one in described["paths"][path][method]["parameters"] if one["in"] == "query"}


def test_its_options_are_those_that_are_read(client: FlaskClient) -> None:
    described, options = api(client), set(UploadOptions.model_fields)
    for path in ("/upload", "/images/upload"):
        assert parameters(described, path, "post") == options - {"password", "upload_code"}
        body = described["paths"][path]["post"]["requestBody"]["content"]
        assert set(body["multipart/form-data"]["schema"]["properties"]) == options | {"file", "image"}
    assert set(described["components"]["schemas"]["EncodedImage"]["properties"]) == options | {"data"}
    assert parameters(described, "/images", "get") == set(ListOptions.model_fields)


def test_the_page_shows_all_of_it_and_asks_no_other_host(client: FlaskClient) -> None:
    answer = client.get("/docs")
    page = answer.text
    for path, methods in api(client)["paths"].items():
        assert path.replace("<", "&lt;") in page
        assert all(operation["summary"].replace("'", "&#39;") in page for operation in methods.values())
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert sorted(path.rpartition("/")[2] for path in loaded) == ["docs.css", "openapi.json"]
    for path in loaded:
        with client.get(path) as file:
            assert file.status_code == 200
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; style-src 'self'"


@pytest.mark.parametrize("path", ["/docs", "/openapi.json"])
def test_it_is_put_together_once_and_sent_to_whom_it_is_new(
    client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get(path)
    monkeypatch.delattr("web.routes.docs.describe_api")
    monkeypatch.delattr("web.routes.docs.render_template")
    again = client.get(path, headers={"Accept-Language": "de"})
    assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
    known = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (known.status_code, known.data) == (304, b"")
    assert client.get(path, headers={"If-None-Match": '"another"'}).data == first.data
    assert client.head(path).headers["Content-Length"] == str(len(first.data))


@pytest.mark.timeout(480)
def test_schemathesis_finds_nothing(server: Served, tmp_path: Path) -> None:
    """No undocumented status, no 5xx, no answer beside its schema; schemathesis.toml says what is left out, and why.

    It runs in a folder of its own: what it keeps of one run changes the cases of the next.
    """
    program = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--no-color",
        "--config-file",
        str(ROOT / "tests/api/schemathesis.toml"),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"}
    run = subprocess.run(
        [*program, "run", f"{server.url}/openapi.json"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(run.stdout[-1500:])
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-2000:]
    tested = re.search(r"Tested: (\d+)", run.stdout)
    assert tested
    paths = requests.get(f"{server.url}/openapi.json", timeout=20).json()["paths"]
    # It has read GET /openapi.json to begin with, and leaves that one out.
    assert int(tested[1]) == sum(map(len, paths.values())) - 1
    unexpected = [line for line in server.log.splitlines() if "unexpected" in line]
    assert unexpected == []
