"""The threat model is true: every line names a test that exists, or says that nothing protects."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "threat-model.md").read_text()
LINES = [line for line in TEXT.splitlines() if re.match(r"\| (?!---|who has|what happens)", line)]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
UNTRUE = (
    "never sees",
    "erased",
    "exactly once",
    "wiped",
    "military",
    "unbreakable",
    "zero-knowledge",
    "end-to-end",
)


def test_there_is_a_line_for_every_piece() -> None:
    for piece in (
        "the link",
        "the image key",
        "the password",
        "a copy of the database",
        "the server key",
        "WAL",
        "log",
        "the memory of a running server",
        "swap",
        "core dump",
        "the operator",
        "the network",
        "the proxy",
    ):
        assert any(piece in line.split("|")[1] for line in LINES), piece


@pytest.mark.parametrize("line", LINES, ids=[line.split("|")[1].strip()[:50] for line in LINES])
def test_every_line_names_a_test_or_says_that_nothing_protects(line: str) -> None:
    backed = line.split("|")[-2]
    assert "::" in backed or "**not protected**" in backed


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_is_named_exists(path: str, name: str) -> None:
    tree = ast.parse((ROOT / path).read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_fault_that_is_tried_has_its_figures() -> None:
    shown = (ROOT / "docs" / "reliability.md").read_text()
    files = sorted((ROOT / "tests" / "faults").glob("test_*.py"))
    faults = [name for file in files for name in re.findall(r'\bnote\(\s*"([^"]+)"', file.read_text())]
    assert len(faults) >= 10
    assert [fault for fault in faults if f"| {fault} |" not in shown] == []


@pytest.mark.parametrize("page", ["threat-model.md", "reliability.md"])
def test_no_page_promises_what_is_not_so(page: str) -> None:
    text = (ROOT / "docs" / page).read_text().lower()
    assert [words for words in UNTRUE if words in text] == []
