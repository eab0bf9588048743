"""What a new machine lacks is told at once, in one sentence."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT

WITHOUT_VENV = (
    '#!/bin/sh\ncase "$2" in *ensurepip*) exit 1 ;; *) exec /usr/bin/env -i {python} "$@" ;; esac\n'
)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what `make` builds `.venv` from, that any user may read."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    for name in ("requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_all_that_is_missing_is_told_in_one_round(clone: Path) -> None:
    programs = clone / "programs"
    programs.mkdir()
    python = shutil.which("python3")
    (programs / "python3").write_text(WITHOUT_VENV.format(python=python))
    (programs / "python3").chmod(0o755)
    for name in ("sh", "dirname", "cat", "cmp", "flock"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for name, word in (("id", "echo 1000"), ("apt-get", "exit 1")):  # an ordinary user of Debian
        (programs / name).write_text(f"#!/bin/sh\n{word}\n")
        (programs / name).chmod(0o755)
    told = subprocess.run(
        ["scripts/tools", "no-such-program:some-package"],
        cwd=clone,
        env={"PATH": str(programs)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1, told.stderr
    assert "-venv some-package" in told.stderr


def test_a_system_that_is_not_supported_is_told_in_one_sentence(clone: Path) -> None:
    python = clone / "python3"
    python.write_text(
        '#!/bin/sh\ncase "$2" in *confstr*) exit 1 ;; esac\n'
    )  # musl and macOS don't know the name
    python.chmod(0o755)
    env = {**os.environ, "PYTHON": str(python)}
    told = subprocess.run(
        ["scripts/venv", "run"], cwd=clone, env=env, capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr == (
        "make needs Linux with glibc, such as Debian, Ubuntu or Fedora; elsewhere type: docker compose up\n"
    )


def test_no_network_is_told_in_one_sentence(clone: Path) -> None:
    env = {
        **os.environ,
        "PIP_INDEX_URL": "http://127.0.0.1:1",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    told = subprocess.run(
        ["scripts/venv", "run"], cwd=clone, env=env, capture_output=True, text=True, check=False, timeout=110
    )
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1].startswith("pip reaches no index of packages")
    assert "ERROR" not in told.stderr


def answer(clone: Path, typed: str) -> tuple[int, str, str]:
    """Let an ordinary user at a terminal answer `scripts/install`: its status, what it said, and what sudo was told."""
    programs = clone / "programs"
    programs.mkdir()
    log = clone / "log"
    for name, word in (("id", "echo 1000"), ("apt-get", "exit 1"), ("sudo", f'echo "$@" >>{log}')):
        (programs / name).write_text(f"#!/bin/sh\n{word}\n")
        (programs / name).chmod(0o755)
    terminal, theirs = pty.openpty()
    os.write(terminal, typed.encode())
    done = subprocess.run(
        ["scripts/install", "some-package"],
        cwd=clone,
        env={"PATH": f"{programs}:{os.environ['PATH']}"},
        stdin=theirs,
        stderr=theirs,
        check=False,
        timeout=60,
    )
    told = os.read(terminal, 4096).decode()
    os.close(terminal)
    os.close(theirs)
    return done.returncode, told, log.read_text() if log.exists() else ""


@pytest.mark.parametrize("typed", ["n\n", "\n", "\x04"], ids=["no", "nothing", "end of file"])
def test_nothing_is_installed_for_the_whole_machine_unless_its_user_says_so(clone: Path, typed: str) -> None:
    status, told, done = answer(clone, typed)
    assert "Missing: some-package. Type: sudo apt-get install -y some-package" in told
    assert (status, done) == (1, "")


def test_what_is_missing_is_installed_once_its_user_says_so(clone: Path) -> None:
    status, _, done = answer(clone, "y\n")
    assert (status, done) == (0, "apt-get update\napt-get install -y some-package\n")
