"""A release is the same bit for bit whoever builds it; the audit tells a vulnerability from an absent database."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.processes import ROOT, free_port

VERSION = "7.8.9"
NO_ENGINE = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
SOMEBODY = {
    f"GIT_{role}_{part}": word
    for role in ("AUTHOR", "COMMITTER")
    for part, word in (
        ("NAME", "Alice"),
        ("EMAIL", "alice@example.org"),
        ("DATE", "2026-01-31T12:00:00+00:00"),
    )
}


def run(folder: Path, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **NO_ENGINE, **SOMEBODY, **env}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=110
    )


def git(folder: Path, *words: str) -> str:
    done = run(folder, "git", "-c", "init.defaultBranch=main", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return repository(tmp_path / "clone")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A repository with its release and a file that was not committed, and the digests of the release's files."""
    folder = repository(tmp_path_factory.mktemp("released") / "clone")
    (folder / "not-committed").touch()
    return folder, release(folder)


def repository(folder: Path) -> Path:
    """A repository of one commit, with what `make release` reads."""
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/release", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, folder / name)
    pyproject = folder / "pyproject.toml"
    pyproject.write_text(
        re.sub(r'^version = ".*"$', f'version = "{VERSION}"', pyproject.read_text(), flags=re.M)
    )
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    (folder / ".gitignore").write_text("/dist/\n.venv\n")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    git(folder, "init", "-q")
    commit(folder, "All there is")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def release(folder: Path, **env: str) -> dict[str, str]:
    """The digest of each file of a release by its name, once the files were compared with it."""
    done = run(folder, "scripts/release", **env)
    assert done.returncode == 0, done.stderr
    assert "No container engine with buildx answers" in done.stderr
    lines = (folder / "dist" / "SHA256SUMS").read_text().splitlines()
    told = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name, digest in told.items():
        assert hashlib.sha256((folder / "dist" / name).read_bytes()).hexdigest() == digest
    return told


def test_another_clone_at_another_place_and_time_zone_builds_the_same(
    released: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    clone, first = released
    git(tmp_path, "clone", "-q", str(clone), "elsewhere")
    (tmp_path / "elsewhere" / ".venv").symlink_to(ROOT / ".venv")
    assert release(tmp_path / "elsewhere", TZ="Asia/Tokyo", LC_ALL="de_DE.UTF-8") == first
    assert len(first) == 2


def test_the_archive_holds_what_was_committed_at_the_time_of_the_commit(
    released: tuple[Path, dict[str, str]],
) -> None:
    clone, _ = released
    (path,) = (clone / "dist").glob("*.tar.gz")
    with tarfile.open(path) as archive:
        files = [member for member in archive if member.isfile()]
    prefix = path.name.removesuffix(".tar.gz") + "/"
    assert {file.name for file in files} == {prefix + name for name in git(clone, "ls-files").splitlines()}
    assert {file.mtime for file in files} == {int(git(clone, "log", "-1", "--format=%ct"))}
    assert {(file.uid, file.gid) for file in files} == {(0, 0)}


def test_the_sbom_names_each_pinned_package_with_its_hashes(released: tuple[Path, dict[str, str]]) -> None:
    clone, _ = released
    (path,) = (clone / "dist").glob("*.cdx.json")
    sbom = json.loads(path.read_text())
    assert (sbom["bomFormat"], sbom["metadata"]["component"]["version"]) == ("CycloneDX", VERSION)
    pinned = (ROOT / "requirements.txt").read_text()
    told = {f"{part['name']}=={part['version']}" for part in sbom["components"]}
    assert told == set(re.findall(r"^[a-z0-9][\w.-]*==[\w.]+", pinned, re.M))
    assert set(re.findall(r"--hash=sha256:(\w+)", pinned)) <= set(
        re.findall(r'"content": "(\w+)"', path.read_text())
    )


def test_a_tagged_commit_takes_its_version_from_the_changelog(clone: Path) -> None:
    git(clone, "tag", f"v{VERSION}")
    refused = run(clone, "scripts/release")
    assert refused.returncode == 1
    assert f'CHANGELOG.md has no heading "## [{VERSION}]' in refused.stderr
    (clone / "CHANGELOG.md").write_text(f"# Changelog\n\n## [{VERSION}] - 2026-01-31\n")
    commit(clone, "The changelog says when")
    git(clone, "tag", "--force", f"v{VERSION}")
    assert set(release(clone)) == {f"mayfly-{VERSION}.tar.gz", f"mayfly-{VERSION}.cdx.json"}


def test_a_tag_that_is_not_the_version_is_refused(clone: Path) -> None:
    git(clone, "tag", "v9.9.9")
    refused = run(clone, "scripts/release")
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "v9.9.9 is not the version in pyproject.toml" in refused.stderr


def test_two_builds_that_differ_are_no_release(clone: Path) -> None:
    (clone / ".venv").unlink()
    (clone / ".venv" / "bin").mkdir(parents=True)
    python = clone / ".venv" / "bin" / "python"
    python.write_text('#!/bin/sh\nwhile [ "$1" != --output-file ]; do shift; done\necho "$2" >"$2"\n')
    python.chmod(0o755)
    refused = run(clone, "scripts/release")
    assert refused.returncode == 1
    assert "Two builds of mayfly" in refused.stderr
    assert not (clone / "dist").exists()


def test_the_image_holds_all_that_the_program_imports(tmp_path: Path) -> None:
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source = ROOT / line[1:]
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, tmp_path / source.name)
    told = run(tmp_path, str(ROOT / ".venv/bin/python"), "-c", "import app, server, web, migrations")
    assert told.returncode == 0, told.stderr


@contextmanager
def database(vulnerable: str) -> Iterator[str]:
    """The address of a database in OSV's form, which knows of a vulnerability in every version of one package."""

    class Database(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = [osv(asked["package"]["name"])] if asked["package"]["name"] == vulnerable else []
            body = json.dumps({"vulns": known}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Database) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def osv(name: str) -> dict[str, object]:
    package = {"name": name, "ecosystem": "PyPI"}
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "9999"}]}]
    return {"id": "TEST-1", "summary": "Bad", "affected": [{"package": package, "ranges": ranges}]}


@pytest.mark.parametrize(("vulnerable", "status"), [("nothing", 0), ("pillow", 1)])
def test_the_audit_names_what_has_a_known_vulnerability(vulnerable: str, status: int) -> None:
    with database(vulnerable) as url:
        told = run(ROOT, "scripts/audit", OSV_URL=url)
    assert told.returncode == status, told.stderr
    assert ("TEST-1" in told.stdout) == bool(status)
    assert ("No known vulnerabilities found" in told.stderr) != bool(status)


def test_the_audit_says_in_one_sentence_that_nothing_was_compared() -> None:
    told = run(ROOT, "scripts/audit", OSV_URL=f"http://127.0.0.1:{free_port()}/")
    assert told.returncode == 3
    assert told.stderr.startswith("Nothing was compared")
    assert told.stderr.count("\n") == 1
