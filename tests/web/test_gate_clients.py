"""Programs that people use, at the gate in each of its modes: real servers, and the lines of the documents."""

from __future__ import annotations

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import pytest
import requests

from tests.cast import FLOWER, PASSWORD, SERVER_KEY
from tests.processes import ROOT, Served, serving, until
from tests.web.test_clients import SECONDS, curl, run

CODE, OTHER, WRONG = "friends-0123456789", "cron-0123456789ab", "friends-0123456780"
README = (ROOT / "README.md").read_text()
NODE = """
const [url, file, headers] = process.argv.slice(1);
const form = new FormData();
form.append("file", new Blob([require("fs").readFileSync(file)]), "flower.jpg");
fetch(url + "/upload", { method: "POST", body: form, headers: JSON.parse(headers) })
    .then(async (answer) => console.log(await answer.text()));
"""
WGET_S_401 = "status 6"
Headers = dict[str, str]
Send = Callable[[str, Path, Headers], str]


def as_options(headers: Headers, option: str = "-H") -> list[str]:
    return [word for name, value in headers.items() for word in (option, f"{name}: {value}")]


def with_urllib(url: str, file: Path, headers: Headers) -> str:
    given = {"Accept": "application/json", **headers}
    try:
        with urlopen(Request(f"{url}/cat.jpg", file.read_bytes(), given, method="PUT")) as answer:
            return str(answer.read(), "utf-8")
    except HTTPError as refused:
        with refused:
            return str(refused.read(), "utf-8")


def with_requests(url: str, file: Path, headers: Headers) -> str:
    with file.open("rb") as opened:
        return requests.post(f"{url}/upload", files={"file": opened}, headers=headers, timeout=SECONDS).text


def with_httpx(url: str, file: Path, headers: Headers) -> str:
    with file.open("rb") as opened:
        return httpx.post(f"{url}/upload", files={"file": opened}, headers=headers, timeout=SECONDS).text


def as_sharex(url: str, file: Path, headers: Headers) -> str:
    """Send what ShareX sends by the uploader that the server gives it, with the placeholder replaced."""
    uploader = requests.get(f"{url}/sharex.sxcu", timeout=SECONDS).json()
    replaced = {name: headers[name] for name in uploader.get("Headers", {}) if name in headers}
    with file.open("rb") as opened:
        sent = {uploader["FileFormName"]: opened}
        return requests.request(
            uploader["RequestMethod"], uploader["RequestURL"], files=sent, headers=replaced, timeout=SECONDS
        ).text


def with_wget(url: str, file: Path, headers: Headers) -> str:
    """Send by wget, which shows no body of a 401, whatever it is told: it ends with the status 6."""
    words = ["wget", "-qO-", "--content-on-error", *as_options(headers, "--header")]
    ended = subprocess.run(
        [*words, f"--post-file={file}", f"{url}/upload"], capture_output=True, timeout=SECONDS, check=False
    )
    return (
        json.dumps({"status": "error", "error": WGET_S_401})
        if ended.returncode == 6
        else ended.stdout.decode()
    )


CLIENTS: dict[str, Send] = {
    "curl -F": lambda url, file, headers: curl("-F", f"file=@{file}", *as_options(headers), f"{url}/upload"),
    "curl -T": lambda url, file, headers: curl("-T", file, *as_options(headers), f"{url}/"),
    "curl -T - (Flameshot)": lambda url, file, headers: curl(
        "-T", "-", *as_options(headers), f"{url}/screenshot.png", stdin=file
    ),
    "curl --data-binary": lambda url, file, headers: curl(
        "--data-binary", f"@{file}", *as_options(headers), f"{url}/images/upload"
    ),
    "wget": with_wget,
    "Node fetch": lambda url, file, headers: run("node", "-e", NODE, url, file, json.dumps(headers)),
    "requests": with_requests,
    "httpx": with_httpx,
    "urllib": with_urllib,
    "ShareX": as_sharex,
}


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("codes") / "codes"
    file.write_text(f"friends:{CODE}\n")
    file.chmod(0o600)
    return file


def gated(database_url: str, workers: str = "1", **settings: Any) -> Iterator[Served]:
    own = {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "PURGE_INTERVAL": "off",
        "WORKERS": workers,
    }
    with serving(**own | settings) as served:
        yield served


@pytest.fixture(scope="module")
def by_code(database_url: str, codes: Path) -> Iterator[Served]:
    """Two workers that ask for a code of a file."""
    yield from gated(database_url, "2", UPLOADS="code", UPLOAD_CODES_FILE=str(codes))


@pytest.fixture(scope="module")
def by_account(database_url: str) -> Iterator[Served]:
    yield from gated(database_url, UPLOADS="account")


@pytest.fixture(scope="module")
def closed(database_url: str) -> Iterator[Served]:
    yield from gated(database_url, UPLOADS="closed")


@pytest.fixture(scope="module")
def flower(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("flower") / "flower.jpg"
    file.write_bytes(FLOWER)
    return file


@pytest.fixture(scope="module")
def api_key(by_account: Served) -> Headers:
    """The header of an API key, of an account that opened itself at that server."""
    who = {"login": "gate-clients", "password": PASSWORD}
    requests.post(f"{by_account.url}/api/registration", json=who | {"email": "g@b.org"}, timeout=SECONDS)
    token = requests.post(f"{by_account.url}/api/login", json=who, timeout=SECONDS).json()
    made = requests.post(f"{by_account.url}/api/me/keys", json={"name": "x"}, headers=token, timeout=SECONDS)
    return {"Authorization": f"Bearer {made.json()['key']}"}


def outcome(told: str) -> str:
    answer = json.loads(told)
    return str(answer.get("error", answer["status"]))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_passes_with_a_code(by_code: Served, flower: Path, client: str) -> None:
    send = CLIENTS[client]
    assert outcome(send(by_code.url, flower, {"Upload-Code": CODE})) == "success"
    assert outcome(send(by_code.url, flower, {"Upload-Code": WRONG})) == "upload_code_wrong"
    assert outcome(send(by_code.url, flower, {})) in {"upload_code_asked", WGET_S_401}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_passes_with_an_api_key(
    by_account: Served, flower: Path, api_key: Headers, client: str
) -> None:
    send = CLIENTS[client]
    assert outcome(send(by_account.url, flower, api_key)) == "success"
    assert outcome(send(by_account.url, flower, {})) in {"account_asked", WGET_S_401}


@pytest.mark.parametrize("client", CLIENTS)
def test_no_client_passes_where_it_is_closed(closed: Served, flower: Path, client: str) -> None:
    assert outcome(CLIENTS[client](closed.url, flower, {"Upload-Code": CODE})) == "uploads_closed"


def test_the_lines_of_the_readme_pass_with_a_code(by_code: Served, tmp_path: Path) -> None:
    (tmp_path / "cat.jpg").write_bytes(FLOWER)
    lines = [line for line in re.findall(r"^curl .*$", README, re.MULTILINE) if "CODE" in line]
    assert len(lines) == 4
    for line in lines:
        words = line.replace("http://127.0.0.1:5000", by_code.url).replace("CODE", CODE)
        ran = subprocess.run(
            ["bash", "-c", f"{words} --fail-with-body -sS"], cwd=tmp_path, capture_output=True, check=False
        )
        assert ran.returncode == 0, (line, ran.stdout)


def test_the_seed_s_clients_with_base64_pass(by_code: Served, api_key: Headers) -> None:
    """The account is the other server's too: they share the database."""
    url, image = f"{by_code.url}/api/images", {"data": b64encode(FLOWER).decode(), "description": "x"}
    assert (
        outcome(requests.post(url, json=image, headers=api_key, timeout=SECONDS).text) == "upload_code_asked"
    )
    for more, headers in (({"upload_code": CODE}, {}), ({}, {"Upload-Code": CODE})):
        sent = requests.post(url, json=image | more, headers=api_key | headers, timeout=SECONDS)
        assert sent.status_code == 201, sent.text


def test_codes_are_given_out_and_taken_back_without_a_restart(
    by_code: Served, codes: Path, flower: Path
) -> None:
    """In every worker: each request is a connection of its own, so both answer some of them."""

    def told(code: str) -> set[str]:
        return {outcome(with_requests(by_code.url, flower, {"Upload-Code": code})) for _ in range(8)}

    before = codes.read_text()
    try:
        codes.write_text(f"cron:{OTHER}\n")
        assert until(lambda: told(OTHER) == {"success"} and told(CODE) == {"upload_code_wrong"}, 30)
        codes.write_text("half a li")
        assert until(lambda: "UPLOAD_CODES_FILE can't be read" in by_code.log or not told(OTHER), 30)
        assert told(OTHER) == {"success"}
    finally:
        codes.write_text(before)
    assert until(lambda: told(CODE) == {"success"}, 30)
    assert "upload_let_in code=cron" in by_code.log
    for secret in (CODE, OTHER, WRONG):
        assert secret not in by_code.log
