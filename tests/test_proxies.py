"""nginx and Caddy as deploy/ has them, real ones: every line of the README through TLS, and no trace of an image."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.cast import SERVER_KEY, noise
from tests.processes import ROOT, Served, free_port, serving, until
from tests.test_docs import RECIPES, run_recipe

SERVER = "server 127.0.0.1:5000 max_fails=1 fail_timeout=1s;"
Start = Callable[[Path, int, int, Sequence[int]], tuple[list[str], dict[str, str]]]


@dataclass
class Proxied:
    """Mayfly behind a proxy: where clients reach it, whose certificate they believe, and what the proxy logged."""

    url: str
    plain_url: str
    certificate: str
    log_path: Path
    folder: Path


def replaced(text: str, **words: str) -> str:
    """Put other words in the place of some that have to be there."""
    for name, (old, new) in {name: word.split(" => ") for name, word in words.items()}.items():
        assert old in text, f"{name}: {old} is not in the configuration"
        text = text.replace(old, new)
    return text


def write_a_pid_at_most() -> None:
    """From here on no file grows beyond 16 bytes: whoever tries is ended by SIGXFSZ, or gets EFBIG."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))


def nginx(folder: Path, plain: int, port: int, behind: Sequence[int]) -> tuple[list[str], dict[str, str]]:
    key, certificate = folder / "key", folder / "certificate"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    site = replaced(
        (ROOT / "deploy" / "nginx.conf").read_text(),
        plain=f"listen 80; => listen 127.0.0.1:{plain};",
        port=f"listen 443 ssl; => listen 127.0.0.1:{port} ssl;",
        behind=f"{SERVER} => {' '.join(SERVER.replace('5000', str(each)) for each in behind)}",
        key=f"/etc/ssl/drop.example.org.key => {key}",
        certificate=f"/etc/ssl/drop.example.org.crt => {certificate}",
        log="/var/log/nginx/error.log => stderr",
        name="drop.example.org => localhost",
    )
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"pid {folder}/pid;\nerror_log stderr;\ndaemon off;\nevents {{ worker_connections 1024; }}\n"
    (folder / "nginx.conf").write_text(f"{main}http {{\naccess_log off;\n{temporary}{site}}}\n")
    return ["nginx", "-e", "stderr", "-c", str(folder / "nginx.conf")], {}


def caddy(folder: Path, plain: int, port: int, behind: Sequence[int]) -> tuple[list[str], dict[str, str]]:
    settings = {
        "DOMAIN": "localhost",
        "HTTP_PORT": str(plain),
        "HTTPS_PORT": str(port),
        "MAYFLY": " ".join(f"127.0.0.1:{each}" for each in behind),
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    file = ROOT / "deploy" / "Caddyfile"
    if len(behind) > 1:
        text, file = file.read_text(), folder / "Caddyfile"
        file.write_text(
            replaced(
                text,
                uri="#health_uri => health_uri",
                often="#health_i => health_i",
                long="#health_t => health_t",
            )
        )
    run = ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]
    return run, settings


CERTIFICATES = {"nginx": "certificate", "caddy": "caddy/pki/authorities/local/root.crt"}
STARTS: dict[str, Start] = {"nginx": nginx, "caddy": caddy}


@contextmanager
def proxying(name: str, *behind: int) -> Iterator[Proxied]:
    """Have a proxy running before some ports; nginx may write no more than its pid, Caddy writes its certificates."""
    if not shutil.which(name):
        pytest.skip(f"needs {name}")
    plain, port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o755)
        command, settings = STARTS[name](folder, plain, port, behind)
        log_path = folder / "log"
        reads, writes = os.pipe()
        with log_path.open("wb") as log, subprocess.Popen(["cat"], stdin=reads, stdout=log):
            os.close(reads)
            before = write_a_pid_at_most if name == "nginx" else None
            environ = {**os.environ, **settings}
            with subprocess.Popen(
                command, env=environ, stdout=writes, stderr=writes, preexec_fn=before
            ) as process:
                os.close(writes)
                certificate = folder / CERTIFICATES[name]
                proxied = Proxied(
                    f"https://localhost:{port}",
                    f"http://localhost:{plain}",
                    str(certificate),
                    log_path,
                    folder,
                )
                try:
                    up = until(lambda: process.poll() is not None or answers(proxied), 60)
                    assert up, log_path.read_text()
                    assert process.poll() is None, log_path.read_text()
                    yield proxied
                finally:
                    process.terminate()
                    process.wait(30)


def answers(proxied: Proxied) -> bool:
    try:
        return requests.get(proxied.url, timeout=15, verify=proxied.certificate).status_code > 0
    except (OSError, requests.RequestException):
        return False


@pytest.fixture(scope="module")
def behind(database_url: str) -> Iterator[Served]:
    with serving(DATABASE_URL=database_url, SECRET_KEYS=SERVER_KEY, TRUSTED_PROXIES="1") as served:
        yield served


@pytest.fixture(scope="module", params=list(STARTS))
def proxied(request: pytest.FixtureRequest, behind: Served) -> Iterator[Proxied]:
    with proxying(request.param, behind.port) as proxied:
        yield proxied


@pytest.mark.usefixtures("make_app")  # which empties the database, as test_docs.py has it
@pytest.mark.parametrize(("kind", "text"), RECIPES, ids=[text[:40] for _, text in RECIPES])
def test_every_line_of_the_readme_works_through_it(
    proxied: Proxied, kind: str, text: str, tmp_path: Path
) -> None:
    run_recipe(kind, text, proxied.url, tmp_path, proxied.certificate)


def test_a_large_image_passes_both_ways_and_through_no_file(proxied: Proxied) -> None:
    """nginx may not write more than its pid into a file in these tests: its worker would end where it does."""
    twenty_mb = noise(2600, 2550)
    pieces = (twenty_mb[start : start + 100_000] for start in range(0, len(twenty_mb), 100_000))
    for body in (twenty_mb, pieces):
        told = requests.post(f"{proxied.url}/upload", data=body, timeout=60, verify=proxied.certificate)
        assert told.status_code == 201, told.text
        link = told.json()["image_url"]
        assert link.startswith(f"{proxied.url}/image/")
        assert requests.get(link, timeout=60, verify=proxied.certificate).content == twenty_mb
    left = [path for path in proxied.folder.rglob("*") if path.is_file() and path.stat().st_size > 100_000]
    assert left == []


def test_a_refusal_is_mayfly_s_own(proxied: Proxied) -> None:
    told = requests.post(
        f"{proxied.url}/upload", data=bytes(21_000_000), timeout=60, verify=proxied.certificate
    )
    assert told.status_code == 413
    assert told.json()["error"] == "too_large"


def test_plain_http_leads_to_tls_and_the_answer_says_to_stay(proxied: Proxied) -> None:
    led = requests.get(f"{proxied.plain_url}/docs", timeout=20, allow_redirects=False)
    assert led.status_code == 308
    assert re.match("https://localhost(:[0-9]+)?/docs$", led.headers["Location"])
    page = requests.get(proxied.url, timeout=20, verify=proxied.certificate)
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_client_that_names_another_host_or_scheme_is_not_believed(proxied: Proxied) -> None:
    headers = {
        "X-Forwarded-Host": "evil.example.org",
        "X-Forwarded-Proto": "gopher",
        "X-Forwarded-For": "6.6.6.6",
    }
    told = requests.post(
        f"{proxied.url}/upload",
        data=noise(64, 64),
        headers=headers,
        timeout=20,
        verify=proxied.certificate,
    )
    assert told.status_code == 201
    assert told.json()["image_url"].startswith(proxied.url)


@pytest.mark.parametrize("name", list(STARTS))
def test_no_link_is_logged_not_even_when_mayfly_is_away(name: str) -> None:
    with proxying(name, free_port()) as proxied:
        away = requests.get(f"{proxied.url}/image/hush-hush", timeout=20, verify=proxied.certificate)
        assert away.status_code == 502
        assert requests.get(f"{proxied.plain_url}/image/hush", timeout=20, allow_redirects=False).ok
        assert "hush" not in proxied.log_path.read_text()
