"""Screenshot tools: ShareX imports /sharex.sxcu; Flameshot and ksnip hand their picture to curl."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from pathlib import Path

import requests
from flask.testing import FlaskClient

from tests.cast import FLOWER, IMAGES, cleaned
from tests.conftest import MakeApp
from tests.processes import ROOT, Served

# https://getsharex.com/docs/custom-uploader, "Import JSON", and the enums beside it
FIELDS = {
    "Version",
    "Name",
    "DestinationType",
    "RequestMethod",
    "RequestURL",
    "Parameters",
    "Headers",
    "Body",
}
FIELDS |= {"Arguments", "FileFormName", "Data", "URL", "ThumbnailURL", "DeletionURL", "ErrorMessage"}
SYNTAX = re.compile(r"\{json:([A-Za-z_.\[\]0-9]+)\}")


def test_it_is_what_sharex_documents(client: FlaskClient) -> None:
    answer = client.get("/sharex.sxcu")
    uploader = answer.get_json()
    assert answer.headers["Content-Disposition"] == 'attachment; filename="mayfly.sxcu"'
    assert set(uploader) <= FIELDS
    assert int(uploader["Version"].partition(".")[0]) >= 14
    assert uploader["DestinationType"] in {"ImageUploader", "FileUploader"}
    assert uploader["RequestMethod"] in {"GET", "POST", "PUT", "PATCH", "DELETE"}
    assert uploader["Body"] in {"None", "MultipartFormData", "FormURLEncoded", "JSON", "XML", "Binary"}


def test_an_upload_as_it_says_gives_the_link(client: FlaskClient) -> None:
    uploader = client.get("/sharex.sxcu").get_json()
    path = uploader["RequestURL"].removeprefix("http://localhost")
    sent = {uploader["FileFormName"]: (io.BytesIO(FLOWER), "ShareX_1.jpg")}
    told = client.open(path, method=uploader["RequestMethod"], data=sent)
    found = SYNTAX.fullmatch(uploader["URL"])
    assert found
    assert told.get_json()[found[1]] == f"http://localhost/s#{told.get_json()['hash']}"
    broken = {uploader["FileFormName"]: (io.BytesIO(b"no image"), "ShareX_1.jpg")}
    refused = client.open(path, method=uploader["RequestMethod"], data=broken)
    found = SYNTAX.fullmatch(uploader["ErrorMessage"])
    assert found
    assert refused.get_json()[found[1]].endswith(".")


def test_its_address_is_the_one_that_clients_see(make_app: MakeApp) -> None:
    uploader = make_app(base_url="https://drop.example.org").test_client().get("/sharex.sxcu").get_json()
    assert uploader["RequestURL"] == "https://drop.example.org/upload"
    assert uploader["Name"] == "Mayfly (drop.example.org)"


def lines(tool: str) -> str:
    readme = (ROOT / "README.md").read_text()
    found = re.search(rf"{tool}.*?```(?:bash|sh)\n(.*?)```", readme, re.DOTALL)
    assert found, tool
    return found[1]


def test_the_flameshot_line(server: Served, tmp_path: Path) -> None:
    """`flameshot gui --raw` writes the picture as PNG to its standard output, says its manual page."""
    line = lines("Flameshot").replace("http://127.0.0.1:5000", server.url)
    assert line.startswith("flameshot gui --raw | ")
    shutil.copy(IMAGES / "hopper.png", tmp_path / "shot.png")
    line = line.replace("flameshot gui --raw", "cat shot.png").partition("| xclip")[0]
    link = subprocess.run(line, shell=True, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert requests.get(link.strip(), timeout=20).content == cleaned("hopper.png")


def test_the_ksnip_script(server: Served, tmp_path: Path) -> None:
    """ksnip starts the script with the picture's path as its only argument and takes its output but the line break."""
    script = tmp_path / "upload"
    script.write_text(lines("ksnip").replace("http://127.0.0.1:5000", server.url))
    script.chmod(0o755)
    shutil.copy(IMAGES / "hopper.png", tmp_path / "ksnip-tmp-20260101.png")
    called = [str(script), str(tmp_path / "ksnip-tmp-20260101.png")]
    output = subprocess.run(called, check=True, capture_output=True, text=True).stdout
    assert output.endswith("\n")
    assert requests.get(output[:-1], timeout=20).content == cleaned("hopper.png")
    assert json.loads(json.dumps(output[:-1])).count("\n") == 0
