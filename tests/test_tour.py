"""docs/tour.md names files and functions that are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOUR = (ROOT / "docs" / "tour.md").read_text()
STEP = re.compile(r"^\d+\. (.*?)(?=^\d+\. |^#|\Z)", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w/]+\.py)`|`([\w.]+)\(\)`")


def named() -> list[tuple[str, str]]:
    """Every function of the tour, with the file that was named last before it in its step."""
    found = []
    for step in STEP.findall(TOUR):
        file = ""
        for path, function in NAMED.findall(step):
            file = path or file
            found.append((file, function))
    return found


def defined(node: ast.AST, outer: str = "") -> Iterator[str]:
    """Yield the functions and methods of a module by the names that the tour uses."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from defined(child, f"{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield outer + child.name


def test_each_step_begins_with_a_file() -> None:
    steps = STEP.findall(TOUR)
    assert len(steps) > 20
    assert [step for step in steps if not re.match(r"`[\w/]+\.py`", step)] == []


@pytest.mark.parametrize(("file", "function"), named())
def test_what_the_tour_names_is_there(file: str, function: str) -> None:
    path = ROOT / file
    assert path.is_file(), file
    if function:
        assert function in defined(ast.parse(path.read_text())), f"{file} has no {function}"
