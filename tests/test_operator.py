"""The operator's commands, beside servers that run: on every process and machine, and as docs/abuse.md has them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, text

from app import Mayfly
from services import links_in
from tests.cast import FLOWER, IMAGES, SERVER_KEY, deposit, told
from tests.conftest import MakeApp
from tests.processes import ROOT, Served, serving, until

CONTACT = "abuse@example.org"
A_MOMENT = 30
"""Seconds; an order acts after one, and on a busy machine the command or the server may be late."""


def flask(env: dict[str, Any], *words: str, status: int = 0) -> str:
    """Run a command as an operator types it, and return what it prints; its stderr has one audit line at most."""
    ran = subprocess.run(
        [sys.executable, "-m", "flask", *words],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == status, ran.stdout + ran.stderr
    for line in ran.stderr.splitlines():
        assert " INFO mayfly.audit " in line, ran.stderr
        assert not re.search(r"[A-Za-z0-9_-]{32}", line), "no link and no digest"
    return ran.stdout


@pytest.fixture(scope="module")
def env(database_url: str) -> dict[str, Any]:
    return {
        "DATABASE_URL": database_url,
        "SECRET_KEYS": SERVER_KEY,
        "PURGE_INTERVAL": "off",
        "ABUSE_CONTACT": f"mailto:{CONTACT}",
    }


@pytest.fixture(scope="module")
def two(env: dict[str, Any]) -> Iterator[tuple[Served, Served]]:
    """Two servers of two processes each on one database, as on two machines."""
    with ExitStack() as stack:
        yield stack.enter_context(serving(**env)), stack.enter_context(serving(**env))


@pytest.fixture(autouse=True)
def _all_on(make_app: MakeApp, database_url: str) -> Iterator[None]:
    """Begin and end with uploads on and nothing blocked, which ``make_app`` sees to before a test."""
    yield
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM blocked"))
        connection.execute(
            text("UPDATE operator SET uploads_off_since = NULL, blocked_version = blocked_version + 1")
        )
    engine.dispose()


def upload(served: Served, data: bytes = FLOWER, **options: str) -> requests.Response:
    """Upload over a connection of its own, so that every process has its turn."""
    return requests.post(f"{served.url}/upload", data=data, params=options, timeout=20)


def becomes(served: Served, status: int, data: bytes = FLOWER) -> bool:
    """Wait until eight uploads in a row, over as many connections, get one status."""
    return until(lambda: all(upload(served, data).status_code == status for _ in range(8)), A_MOMENT)


def test_the_switch_acts_on_every_process_of_every_machine_and_on_nothing_else(
    two: tuple[Served, Served], env: dict[str, Any]
) -> None:
    link = upload(two[0]).json()["hash"]
    assert flask(env, "uploads", "off") == "uploads are off\n"
    for served in two:
        assert becomes(served, 503)
        refused = upload(served)
        assert refused.json()["error"] == "uploads_off"
        assert CONTACT in refused.json()["message"]
        assert int(refused.headers["Retry-After"]) > 0
        assert requests.get(f"{served.url}/image/{link}", timeout=20).content == FLOWER
        ready = requests.get(f"{served.url}/readyz", timeout=20)
        assert "off since" in ready.json()["parts"]["uploads"]["message"]
        assert requests.get(f"{served.url}/healthz", timeout=20).ok
        lines = re.sub(r"\[[0-9a-f]{32}\] ", "", served.log)  # the request's id stands before the words
        assert "INFO mayfly.operator uploads are off from here on" in lines
        assert "INFO mayfly.audit refused why=uploads_off" in lines
    assert flask(env, "uploads", "off") == "uploads were off already\n"
    assert json.loads(flask(env, "status", "--json"))["uploads"] == "off"
    assert flask(env, "uploads", "on") == "uploads are on\n"
    for served in two:
        assert becomes(served, 201)


def test_a_block_acts_on_every_process_of_every_machine(
    two: tuple[Served, Served], env: dict[str, Any]
) -> None:
    digest = hashlib.sha256(FLOWER).hexdigest()
    assert flask(env, "block", digest.upper(), digest) == "blocked 1 more\n"
    for served in two:
        assert becomes(served, 403)
        assert CONTACT in upload(served).json()["message"]
        assert upload(served, (IMAGES / "hopper.png").read_bytes()).status_code == 201
    assert json.loads(flask(env, "status", "--json"))["blocked"] == 1
    assert flask(env, "unblock", digest) == "unblocked 1\n"
    for served in two:
        assert becomes(served, 201)


@pytest.mark.parametrize(
    "form",
    [
        "{0}",
        "https://drop.example.org/s#{0}",
        "<https://drop.example.org/s#{0}>",
        "(see https://drop.example.org/s#{0}),",
        "https://drop.example.org/image/{0}",
        "https://drop.example.org/image/{0}.png?utm_source=mail",
        "https://drop.example.org/image/{0}/a-picture-of-a-cat.jpg…",
        "https://drop.example.org/api/images/{0}",
        "https://drop.example.org/some/path/s#{0}.{1}",
        "one https://drop.example.org/s#{0}.{1}. And another:\nhttps://drop.example.org/image/{2}",
        "https://abcdefghijklmnopqrstuvwxyz012345.example.org/s#{0}",
        "https://drop.example.org/s#{0}.lacks-a-character-1234567890123.{1}",
        "https://drop.example.org/s#lacks-a-character.{0}",
    ],
)
def test_links_are_found_in_whatever_is_pasted(form: str) -> None:
    links = [letter * 32 for letter in "a-_"]
    wanted = [link for number, link in enumerate(links) if f"{{{number}}}" in form]
    assert links_in(form.format(*links)) == wanted


@pytest.mark.parametrize("text", ["", "no link", "a" * 31, "a" * 33, "https://drop.example.org/", "a" * 64])
def test_no_link_is_found_where_there_is_none(text: str) -> None:
    assert links_in(text) == []


def run(app: Mayfly, *words: str) -> tuple[int, str]:
    """Run a command in this process; its exit status, and what it prints to either stream."""
    done = app.test_cli_runner().invoke(args=words)
    return done.exit_code, done.output


def test_a_takedown_tells_what_became_of_each_link(app: Mayfly) -> None:
    client = app.test_client()
    one, other = told(client), told(client)
    locked, links = deposit(client, password="secret"), [one["hash"], other["hash"]]
    album = f"https://drop.example.org/s#{links[0]}.{links[1]}"
    assert run(app, "takedown", album) == (0, f"{links[0]}: taken down\n{links[1]}: taken down\n")
    nothing = "no living image at this link"
    expected = f"{links[0]}: {nothing}\n{links[1]}: {nothing}\nno link in this text\n"
    assert run(app, "takedown", album, "no link") == (1, expected)
    why = "taken down, but not blocked: its SHA-256 can't be read without the image's password"
    assert run(app, "takedown", locked, "--block") == (1, f"{locked}: {why}\n")
    for link in (*links, locked):
        assert client.get(f"/image/{link}").status_code == 404
    again = deposit(client)
    blocked = f"{again}: taken down, and blocked: {one['sha256']}\n"
    assert run(app, "takedown", again, "--block") == (0, blocked)


def test_a_link_may_begin_with_a_dash_and_a_wrong_option_removes_nothing(app: Mayfly) -> None:
    links = ["-" + "b" * 31, "--" + "a" * 30]
    nothing = "".join(f"{link}: no living image at this link\n" for link in links)
    assert run(app, "takedown", links[0], "--block", links[1]) == (1, nothing)
    assert run(app, "takedown", "--", *links) == (1, nothing)
    link = deposit(app.test_client())
    status, printed = run(app, "takedown", link, "--blok")
    assert status == 2
    assert "--block" in printed
    assert run(app, "takedown", link) == (0, f"{link}: taken down\n")


@pytest.mark.parametrize(
    "words", [["block"], ["block", "a" * 63], ["unblock", "g" * 64], ["uploads", "maybe"], ["takedown"]]
)
def test_words_that_can_t_be_read_do_nothing(app: Mayfly, words: list[str]) -> None:
    status, output = run(app, *words)
    assert status == 2
    assert "Usage:" in output


def test_the_state_is_told_in_words_and_as_json_and_names_nothing(app: Mayfly) -> None:
    made = told(app.test_client())
    (_, as_json), (_, as_text) = run(app, "status", "--json"), run(app, "status")
    state = json.loads(as_json)
    assert (state["living_images"], state["uploads"], state["uploads_off_since"]) == (1, "on", None)
    for name, value in state.items():
        assert name.replace("_", " ") in as_text
        assert isinstance(value, str | int | float | None), name
    for secret in (made["hash"], made["image_key"], made["sha256"], SERVER_KEY, "127.0.0.1"):
        assert secret not in as_json + as_text


def test_the_commands_work_beside_a_server_with_its_own_database(tmp_path: Path) -> None:
    env: dict[str, Any] = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "", "SECRET_KEYS": "", "WORKERS": "1"}
    with serving(**env) as served:
        made = upload(served).json()
        assert "taken down, and blocked" in flask(env, "takedown", made["url"], "--block")
        assert requests.get(made["image_url"], timeout=20).status_code == 404
        assert until(lambda: upload(served).status_code == 403, A_MOMENT)
        flask(env, "uploads", "off")
        assert until(lambda: upload(served).status_code == 503, A_MOMENT)


def test_a_command_writes_its_log_as_the_settings_say(env: dict[str, Any]) -> None:
    def log(**settings: str) -> str:
        command = [sys.executable, "-m", "flask", "uploads", "on"]
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **env, **settings},
            capture_output=True,
            text=True,
            timeout=60,
        ).stderr

    line = json.loads(log(LOG_FORMAT="json"))
    assert (line["logger"], line["level"]) == ("mayfly.audit", "info")
    assert log(LOG_LEVEL="warning") == ""


# The document

SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DAY = SHELL.findall((ROOT / "docs" / "abuse.md").read_text())


def test_the_day_of_abuse_acted_out(two: tuple[Served, Served], env: dict[str, Any], tmp_path: Path) -> None:
    """Run every line of the page in its order, and see what it says of each come true."""
    served = two[0]
    made = upload(served).json()
    (tmp_path / "image.jpg").write_bytes((IMAGES / "exif_gps.jpg").read_bytes())
    (tmp_path / "blocked.txt").write_text(f"{made['sha256']}\n{'0' * 64}\n")
    (tmp_path / "flask").write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m flask "$@"\n')
    (tmp_path / "flask").chmod(0o755)

    def act(lines: str) -> str:
        for shown, real in (
            (".venv/bin/flask", str(tmp_path / "flask")),
            ("https://drop.example.org", served.url),
            ("LINK", made["hash"]),
            ("SHA256", made["sha256"]),
        ):
            lines = lines.replace(shown, real)
        shell = ["bash", "-euo", "pipefail", "-c", lines]
        ran = subprocess.run(
            shell,
            cwd=tmp_path,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    takedown, block, send, off, on, unblock, renew = DAY
    assert act(takedown) == f"{made['hash']}: taken down, and blocked: {made['sha256']}\n"
    assert requests.get(made["image_url"], timeout=20).status_code == 404
    assert becomes(served, 403)
    assert act(block) == "blocked 1 more\n"
    raw = (IMAGES / "exif_gps.jpg").read_bytes()
    assert becomes(served, 403, raw)
    assert CONTACT in act(send)
    assert re.search("^uploads +off$", act(off), re.MULTILINE)
    assert becomes(served, 503, (IMAGES / "hopper.png").read_bytes())
    assert act(on) == "uploads are on\n"
    assert act(unblock) == "unblocked 1\n"
    assert becomes(served, 201)
    assert act(renew) == "blocked 2 more\n"
    assert becomes(served, 403)
