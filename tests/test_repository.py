"""What a visitor of the repository meets: workflows that may do little, hooks that run, no stray whitespace."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import SLOW
from tests.test_docs import ROOT, TRACKED

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0][
    "hooks"
]
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


@every_workflow
def test_an_action_is_named_by_its_commit_and_says_which_version_that_is(path: Path) -> None:
    used = re.findall(r"uses: (.+)", path.read_text())
    assert used
    assert [name for name in used if not PINNED.fullmatch(name)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    used = {line for path in WORKFLOWS for line in re.findall(r"uses: (.+)", path.read_text())}
    assert len({line.partition("@")[0] for line in used}) == len(used)


@every_workflow
def test_a_workflow_may_do_nothing_but_what_a_job_asks_for(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"], "a job says what it needs"
        assert job["timeout-minutes"] <= 90


def test_each_change_is_checked_on_the_oldest_and_on_the_newest_python() -> None:
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text())["jobs"]["check"]
    oldest = re.search(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    newest = re.search(r"\$\{PYTHON:-python([\d.]+) ", (ROOT / "scripts" / "venv").read_text())
    assert oldest
    assert newest
    assert job["strategy"]["matrix"]["python"] == [oldest[1], newest[1]]
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]


def test_the_hooks_are_a_configuration_that_pre_commit_takes() -> None:
    checked = [str(ROOT / ".venv/bin/pre-commit"), "validate-config", ".pre-commit-config.yaml"]
    subprocess.run(checked, cwd=ROOT, check=True, timeout=60)
    assert {
        hook["entry"].split()[0] for hook in HOOKS if not (ROOT / hook["entry"].split()[0]).exists()
    } == set()


def test_no_line_ends_in_whitespace_and_every_file_ends_in_a_newline() -> None:
    data = re.compile(next(hook["exclude"] for hook in HOOKS if hook["id"] == "end-of-file"))
    for path in TRACKED:
        name = str(path.relative_to(ROOT))
        content = path.read_bytes()
        if b"\0" in content or data.match(name):
            continue
        assert re.search(rb"[ \t]+$", content, re.MULTILINE) is None, name
        assert not content or re.search(rb"[^\n]\n\Z", content), name


def test_every_slow_place_is_there() -> None:
    """A file that got another name would be quick again, unnoticed."""
    assert [place for place in SLOW if not (ROOT / "tests" / place).exists()] == []
