"""The program of a next version: what its image holds, and one migration more."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.processes import ROOT

NEXT = """
from alembic import op

revision, down_revision, branch_labels, depends_on = "{name}", "{last}", None, None


def upgrade():
    op.execute("ALTER TABLE images ADD COLUMN later_{name} integer NOT NULL DEFAULT 0")
"""
"""A migration of the kind that is allowed: it adds, and takes nothing away that the program before it uses."""


def newer(folder: Path, before: Path = ROOT) -> Path:
    """Make the version after one in a folder, and return the folder."""
    folder.mkdir(exist_ok=True)
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source = before / line[1:]
            (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / source.name)
    versions = folder / "migrations" / "versions"
    last = max(path.name for path in versions.glob("[0-9]*.py")).partition("_")[0]
    name = str(max(9001, int(last) + 1))
    (versions / f"{name}_next.py").write_text(NEXT.format(name=name, last=last))
    return folder
