"""Programs that people use, as they are: an upload, its name, and a refusal."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import aiohttp
import httpx
import pytest
import requests

from tests.cast import FLOWER
from tests.processes import Served

SECONDS = 60
NODE = """
const [url, file] = process.argv.slice(1);
const form = new FormData();
form.append("file", new Blob([require("fs").readFileSync(file)]), require("path").basename(file));
fetch(url + "/upload", { method: "POST", body: form }).then(async (answer) => console.log(await answer.text()));
"""
# What axios 1.21 writes under Node for a FormData, and how: through the http module, in pieces of a stream.
AXIOS = """
const [url, file] = process.argv.slice(1);
const { Readable } = require("stream"), name = require("path").basename(file);
const boundary = "axios-1.21.1-boundary-99VnXijJNU8S_z5VxOqkVvMdH";
const head = `--${boundary}\\r\\nContent-Disposition: form-data; name="file"; filename="${name}"\\r\\n`
    + "Content-Type: application/octet-stream\\r\\n\\r\\n";
const tail = `\\r\\n--${boundary}--\\r\\n`;
const body = Buffer.concat([Buffer.from(head), require("fs").readFileSync(file), Buffer.from(tail)]);
const headers = {
    "Accept": "application/json, text/plain, */*",
    "Content-Type": `multipart/form-data; boundary=${boundary}`,
    "User-Agent": "axios/1.21.1",
    "Content-Length": body.length,
    "Accept-Encoding": "gzip, compress, deflate, br",
};
const options = { method: "POST", headers };
const asked = require("http").request(`${url}/upload`, options, (answer) => answer.pipe(process.stdout));
const pieces = [];
for (let at = 0; at < body.length; at += 65536) pieces.push(body.subarray(at, at + 65536));
Readable.from(pieces).pipe(asked);
"""
Client = Callable[[str, Path], str]


def run(*command: str | Path, stdin: Path | None = None) -> str:
    if not shutil.which(str(command[0])):
        if os.environ.get("CI"):
            pytest.fail(f"{command[0]} is missing")
        pytest.skip(f"{command[0]} is not on this machine")
    with (stdin or Path(os.devnull)).open("rb") as given:
        done = subprocess.run(command, stdin=given, capture_output=True, timeout=SECONDS, check=False)
    assert done.stdout, done.stderr.decode()
    return done.stdout.decode()


def curl(*words: str | Path, stdin: Path | None = None) -> str:
    return run("curl", "-sS", "-H", "Accept: application/json", *words, stdin=stdin)


def with_urllib(url: str, file: Path) -> str:
    asked = Request(f"{url}/{file.name}", file.read_bytes(), {"Accept": "application/json"}, method="PUT")
    try:
        with urlopen(asked, timeout=SECONDS) as answer:
            return str(answer.read(), "utf-8")
    except HTTPError as refused:
        with refused:
            return str(refused.read(), "utf-8")


def with_requests(url: str, file: Path) -> str:
    with file.open("rb") as opened:
        return requests.post(f"{url}/upload", files={"file": opened}, timeout=SECONDS).text


def with_httpx(url: str, file: Path) -> str:
    with file.open("rb") as opened:
        return httpx.post(f"{url}/upload", files={"file": opened}, timeout=SECONDS).text


def with_aiohttp(url: str, file: Path) -> str:
    """Send in a thread of its own: in this one another loop may run."""

    async def send() -> str:
        with file.open("rb") as opened:
            async with aiohttp.request("POST", f"{url}/upload", data={"file": opened}) as answer:
                text = await answer.text()
        await asyncio.sleep(0.1)  # aiohttp closes its connections after the session, in the loop
        return text

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(send())).result(SECONDS)


def with_powershell(url: str, file: Path) -> str:
    """Send what Invoke-RestMethod -Form of PowerShell 7.4 writes."""
    names = f"name=file; filename={file.name}; filename*=utf-8''{file.name}"
    head = f"--x\r\nContent-Disposition: form-data; {names}\r\n"
    body = (
        head.encode()
        + b"Content-Type: application/octet-stream\r\n\r\n"
        + file.read_bytes()
        + b"\r\n--x--\r\n"
    )
    kind = {"Content-Type": 'multipart/form-data; boundary="x"'}
    return requests.post(f"{url}/upload", data=body, headers=kind, timeout=SECONDS).text


CLIENTS: dict[str, Client] = {
    "curl -F": lambda url, file: curl("-F", f"file=@{file}", f"{url}/upload"),
    "curl -T": lambda url, file: curl("-T", file, f"{url}/"),
    "curl -T -": lambda url, file: curl("-T", "-", f"{url}/{file.name}", stdin=file),
    "curl --data-binary": lambda url, file: curl(
        "--data-binary", f"@{file}", f"{url}/upload?filename={file.name}"
    ),
    "wget": lambda url, file: run(
        "wget", "-qO-", "--content-on-error", f"--post-file={file}", f"{url}/upload?filename={file.name}"
    ),
    "Node fetch": lambda url, file: run("node", "-e", NODE, url, file),
    "axios's bytes": lambda url, file: run("node", "-e", AXIOS, url, file),
    "requests": with_requests,
    "httpx": with_httpx,
    "aiohttp": with_aiohttp,
    "urllib": with_urllib,
    "PowerShell's bytes": with_powershell,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_uploads_with_the_name_and_is_told_what_is_no_image(
    server: Served, tmp_path: Path, client: str
) -> None:
    image, text = tmp_path / "flower.jpg", tmp_path / "text.jpg"
    image.write_bytes(FLOWER)
    text.write_bytes(b"%PDF-1.7\n")
    told = json.loads(CLIENTS[client](server.url, image))
    assert (told["status"], told["filename"]) == ("success", "flower.jpg")
    assert requests.get(told["image_url"], timeout=SECONDS).content == FLOWER
    assert "PDF" in json.loads(CLIENTS[client](server.url, text))["message"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_that_sends_too_much_is_told_so(server: Served, tmp_path: Path, client: str) -> None:
    large = tmp_path / "large.jpg"
    large.write_bytes(FLOWER + bytes(30 * 2**20))
    assert json.loads(CLIENTS[client](server.url, large))["error"] == "too_large"
