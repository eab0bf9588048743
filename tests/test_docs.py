"""The documents are true: settings, links and every curl line, run as they are printed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING
from pathlib import Path

import pytest
import requests

from config import Config
from environment import READERS, ConfigError
from tests.cast import IMAGES
from tests.processes import Served

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
ENV_EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()


def tracked() -> list[Path]:
    """The files of the repository; in a copy without one, whatever is there."""
    try:
        listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return sorted(path for path in ROOT.rglob("*.md") if ".venv" not in path.parts)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]


TRACKED = tracked()
DOCUMENTS = [path for path in TRACKED if path.suffix == ".md"]


# Settings


class Asked(Mapping[str, str]):
    """An environment that notes the names it is asked for."""

    def __init__(self, given: dict[str, str]) -> None:
        self.given = given
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self.given[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


def names_read(attribute: str) -> set[str]:
    """The names that a setting's reader asks for; what it asks for next may depend on what it found."""
    names: set[str] = set()
    while True:
        environments = [Asked({}), *(Asked({name: "1"}) for name in names)]
        for env in environments:
            with contextlib.suppress(ConfigError):
                READERS[attribute](env)
        found = names.union(*(env.names for env in environments))
        if found == names:
            return names
        names = found


ATTRIBUTES = {name: attribute for attribute in READERS for name in names_read(attribute)}
ROWS = dict(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \| (.+?) \|", README, re.MULTILINE))
OF_COMPOSE = {"DOMAIN"}
"""What Docker Compose alone reads; Mayfly's own settings follow from it."""
LINES = [
    (name, value)
    for name, value in re.findall(r"^#([A-Z][A-Z0-9_]+)=(.*)$", ENV_EXAMPLE, re.MULTILINE)
    if name not in OF_COMPOSE
]
SERVICES = {
    service.partition(":")[0]: service
    for service in re.split(r"^  (?=\w+:$)", COMPOSE.partition("\nvolumes:")[0], flags=re.MULTILINE)[1:]
}


def test_the_reader_of_names_finds_families_too() -> None:
    family = {"DATABASE_URL", "POSTGRES_USER", "POSTGRES_PASSWORD", "HOST", "POSTGRES_PORT", "POSTGRES_DB"}
    family |= {"DATABASE_URL_FILE", "POSTGRES_PASSWORD_FILE"}
    assert names_read("database_url") == family
    assert names_read("secret_keys") == {"SECRET_KEYS", "SECRET_KEYS_FILE"}


def test_every_setting_has_its_row_and_every_row_a_setting() -> None:
    assert set(ROWS) == set(ATTRIBUTES)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_the_default_in_the_table_is_the_default(name: str) -> None:
    shown = re.fullmatch("`(.+)`", ROWS[name])
    if shown:
        base = {"POSTGRES_USER": "alice"}  # the rest of that family means something only beside it
        assert Config.from_env(base | {name: shown[1]}) == Config.from_env(base)
    else:  # words: nothing is set, or the machine decides
        field = Config.__dataclass_fields__[ATTRIBUTES[name]]
        assert field.default is None or field.default is MISSING


def test_the_example_names_the_same_settings_and_sets_none() -> None:
    assert sorted(name for name, _ in LINES) == sorted(ATTRIBUTES)
    assert not [line for line in ENV_EXAMPLE.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize(("name", "value"), LINES)
def test_a_line_of_the_example_can_be_taken_as_it_stands(name: str, value: str) -> None:
    base = {"POSTGRES_USER": "alice"}
    assert Config.from_env(base | {name: value or base.get(name, "")}) == Config.from_env(base)


def test_a_setting_in_env_reaches_the_container() -> None:
    """Docker Compose hands on only what it names; the rest it must set itself."""
    handed_on = set(re.findall(r"^ {6}([A-Z][A-Z0-9_]+):", SERVICES["mayfly"], re.MULTILINE))
    meant_for_elsewhere = {"DATABASE_URL", "DATABASE_URL_FILE"}  # .env.example says so
    assert handed_on == set(ATTRIBUTES) - meant_for_elsewhere


@pytest.mark.parametrize(
    "name",
    ["BIND", "DATA_DIR", "SECRET_KEYS_FILE", "UPLOAD_CODES_FILE", "POSTGRES_PASSWORD_FILE", "POSTGRES_PORT"],
)
def test_what_the_container_sets_itself_is_still_taken_from_env(name: str) -> None:
    assert f"${{{name}:" in COMPOSE


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_image_s_health_is_asked_where_it_listens(server: Served, host: str) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    check = re.search(r"^HEALTHCHECK .*?^ +CMD (\[.*?\])$", dockerfile, re.MULTILINE | re.DOTALL)
    assert check
    _, *arguments = json.loads(check[1])
    for port, status in ((server.port, 0), (1, 1)):
        env = {**os.environ, "BIND": f"{host}:{port}"}
        ran = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, check=False
        )
        assert ran.returncode == status
    assert "--interval=5s" in dockerfile, "what serves is healthy within seconds"


def test_the_unit_lets_uploads_finish_and_the_sandbox_lock_itself_up() -> None:
    unit = (ROOT / "deploy" / "mayfly.service").read_text().splitlines()
    assert {"KillMode=mixed", "SystemCallFilter=@system-service @sandbox", "LimitCORE=0"} <= set(unit)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd's own rating")
def test_the_rating_of_the_unit_is_no_worse_than_the_documents_say() -> None:
    rated = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "deploy/mayfly.service"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    score = re.search(r"mayfly\.service: ([\d.]+)", rated.stdout)
    told = re.search(r"its exposure with ([\d.]+)", (ROOT / "docs" / "operations.md").read_text())
    assert score
    assert told
    assert float(score[1]) <= float(told[1])


def test_each_container_is_held_as_tight_as_it_can_run() -> None:
    assert list(SERVICES) == ["db", "mayfly", "caddy"]
    for name, service in SERVICES.items():
        for line in (
            "cap_drop: [ALL]",
            'security_opt: ["no-new-privileges:true"]',
            "mem_limit: ",
            "pids_limit: ",
        ):
            assert f"\n    {line}" in service
        assert re.findall("cap_add.*]", service) == (
            ["cap_add: [NET_BIND_SERVICE]"] if name == "caddy" else []
        )


def test_the_profile_public_is_one_setting_and_nobody_s_default() -> None:
    assert "\n    profiles: [public]\n" in SERVICES["caddy"]
    assert "{$DOMAIN:" in (ROOT / "deploy" / "Caddyfile").read_text()
    for line in (
        "BASE_URL: ${BASE_URL:-${DOMAIN:+https://${DOMAIN:-}}}",
        "TRUSTED_PROXIES: ${TRUSTED_PROXIES:-${DOMAIN:+1}}",
    ):
        assert line in SERVICES["mayfly"]


# Recipes

BLOCKS = re.findall(r"^```(bash|crontab)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
RECIPES = [(kind, text) for kind, text in BLOCKS if "curl " in text]
SHELL = 'set -euo pipefail; curl() { command curl -sS --max-time 30 --fail-with-body "$@"; }\n'
CRON = "set -e\n"  # its lines ask curl for -f themselves


def test_recipes_are_found() -> None:
    assert len(RECIPES) >= 10


def run_recipe(kind: str, text: str, url: str, folder: Path, certificate: str | None = None) -> None:
    """Run the lines of a recipe in a folder as they are printed, for a Mayfly at another URL."""
    shutil.copy(IMAGES / "flower.jpg", folder / "cat.jpg")
    shutil.copy(IMAGES / "hopper.png", folder / "cat.png")
    with (folder / "cat.jpg").open("rb") as cat:
        uploaded = requests.post(
            f"{url}/upload?filename=bob.jpg", data=cat, timeout=20, verify=certificate or True
        ).json()
    if kind == "crontab":  # five fields say when
        text = "".join(line.split(None, 5)[5] + "\n" for line in text.splitlines())
    script = text.replace("http://127.0.0.1:5000", url).replace("HASH", uploaded["hash"])
    script = script.replace("IMAGE_KEY", uploaded["image_key"])
    ran = subprocess.run(
        ["bash", "-c", (CRON if kind == "crontab" else SHELL) + script],
        cwd=folder,
        env={**os.environ, **({"CURL_CA_BUNDLE": certificate} if certificate else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for saved in (folder / "back.jpg", folder / "bob.jpg"):
        assert not saved.exists() or saved.read_bytes().startswith(b"\xff\xd8\xff")


@pytest.mark.usefixtures(
    "make_app"
)  # which empties the database: another test may have taken a recipe's login
@pytest.mark.parametrize(("kind", "text"), RECIPES, ids=[text[:40] for _, text in RECIPES])
def test_a_recipe_works_as_printed(kind: str, text: str, server: Served, tmp_path: Path) -> None:
    run_recipe(kind, text, server.url, tmp_path)


def test_a_recipe_that_fails_would_be_noticed(server: Served) -> None:
    ran = subprocess.run(
        ["bash", "-c", f"{SHELL}curl {server.url}/image/x\ntrue"], capture_output=True, check=False
    )
    assert ran.returncode == 22


def test_the_answer_in_the_readme_has_the_fields_of_an_answer(server: Served, hopper: bytes) -> None:
    shown = re.search(r"^```json\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert shown
    answer = requests.post(f"{server.url}/upload", data=hopper, timeout=20).json()
    assert re.findall(r'"(\w+)":', shown[1]) == list(answer)


# Links, and what has no place here


def targets(document: Path) -> Iterator[str]:
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"\]\(([^)\s]+)\)", text)
    yield from re.findall(r'<(?:img|a)\b[^>]*\b(?:src|href)="([^"]+)"', text)


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as code hosts make them."""
    headings = re.findall(r"^#+ +(.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_links_lead_somewhere(document: Path) -> None:
    for target in targets(document):
        if re.match("[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (document.parent / path).resolve() if path else document
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_files_named_in_a_document_exist(document: Path) -> None:
    for name in re.findall(
        r"`((?:docs|tests|benchmarks|crypto|web|migrations)/[\w./-]+\.\w+)`", document.read_text()
    ):
        assert (ROOT / name).exists(), name


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path.name for path in folder.iterdir() if path.name != "README.md")
    numbers = [name[:4] for name in pages]
    assert len(set(numbers)) == len(numbers)
    assert sorted(re.findall(r"\((\d{4}[\w.-]+\.md)\)", (folder / "README.md").read_text())) == pages


def test_every_document_and_measurement_is_in_the_index() -> None:
    docs = ROOT / "docs"
    pages = [*docs.glob("*.md"), *docs.glob("measurements/*.md")]
    names = {str(page.relative_to(docs)) for page in pages} - {"README.md"}
    assert {name for name in targets(docs / "README.md") if name != "decisions/README.md"} == names


def test_every_measurement_has_its_date_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    dated = re.findall(r"^\| 20\d\d-\d\d-\d\d \| \[[\w.]+\]\((measurements/[\w.]+)\) \|", index, re.MULTILINE)
    assert sorted(dated) == sorted(
        f"measurements/{page.name}" for page in (ROOT / "docs" / "measurements").glob("*.md")
    )


def test_every_benchmark_named_in_a_document_is_there() -> None:
    for document in DOCUMENTS:
        for name in re.findall(r"python -m (benchmarks\.[\w.]*\w)", document.read_text()):
            assert (ROOT / f"{name.replace('.', '/')}.py").exists(), f"{document.name}: {name}"


ONE_MACHINE_ONLY = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|file:///|/simple/\b"
    r"|(?<![\w.}/])/(?:root|home|Users|work|opt|tmp/wt)/"
    r"|(?<!==)\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+\b"
)


def test_nothing_tells_of_the_machine_it_was_written_on() -> None:
    told = []
    for path in TRACKED:
        if path == Path(__file__):
            continue
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        told += [f"{path.relative_to(ROOT)}: {found[0]}" for found in ONE_MACHINE_ONLY.finditer(text)]
    assert told == []
