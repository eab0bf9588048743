"""The house in figures: lines by room, arrows within web, and what an upload and an open enter.

`python -m tests.work.house` prints them for docs/measurements/house.md.
"""

from __future__ import annotations

import ast
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import embedded
from app import create_app, migrate
from config import Config
from tests.cast import FLOWER, SERVER_KEY

ROOT = Path(__file__).parents[2]


def main() -> None:
    told = [f"{room:<12} {lines:>6}" for room, lines in sorted(lines_by_room().items())]
    arrows = imports_within_web()
    folders = {(_folder(module), _folder(other)) for module, others in arrows.items() for other in others}
    told.append(f"modules of web {len(arrows)}, imports among them {sum(map(len, arrows.values()))}")
    told.append(f"arrows between folders of web {sum(one != other for one, other in folders)}")
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder), durable=False) as url:
        app = create_app(
            Config(database_url=url, data_dir=Path(folder), secret_keys=(SERVER_KEY,), purge_interval=0)
        )
        migrate(app)
        client = app.test_client()

        def upload() -> Any:
            return client.put("/flower.jpg", data=FLOWER, headers={"Accept": "application/json"})

        path = f"/image/{upload().get_json()['hash']}"
        client.get(path).get_data()  # what is done once is done
        told.append(f"upload: {entered(upload)}")
        told.append(f"open: {entered(lambda: client.get(path).get_data())}")
    sys.stdout.write("\n".join([*told, ""]))


def lines_by_room() -> Counter[str]:
    """Count the lines of Python by the first part of each path."""
    counts: Counter[str] = Counter()
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if parts[0] not in {".venv", "deploy", "scripts"}:
            counts[parts[0] if len(parts) > 1 else "top level"] += len(path.read_text().splitlines())
    return counts


def imports_within_web() -> dict[str, set[str]]:
    """Tell for each module of web which others of web it imports."""
    arrows = {}
    for path in (ROOT / "web").rglob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        found = {node.module for node in nodes if node.module and node.module.startswith("web.")}
        arrows[".".join(path.relative_to(ROOT).with_suffix("").parts)] = found
    return arrows


def entered(request: Callable[[], Any]) -> str:
    """Count the files and the functions of ours that a request enters, and how deep ours call each other."""
    functions: set[tuple[str, int]] = set()
    depths = [0]

    def see(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event in {"call", "return"} and _is_ours(Path(code.co_filename)):
            depths.append(depths[-1] + (1 if event == "call" else -1))
            functions.add((code.co_filename, code.co_firstlineno))

    sys.setprofile(see)
    try:
        request()
    finally:
        sys.setprofile(None)
    files = {path for path, _ in functions}
    return f"{len(files)} files, {len(functions)} functions, {max(depths)} calls deep"


def _is_ours(path: Path) -> bool:
    return ROOT in path.parents and path.relative_to(ROOT).parts[0] not in {".venv", "tests"}


def _folder(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if len(parts) > 2 else "web"


if __name__ == "__main__":
    main()
