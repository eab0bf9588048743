"""Runs the peer for comparison: bepasty from PyPI under gunicorn, as its documentation says. It doesn't encrypt."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.subjects import GUNICORN, ROOT, Served, environment, process
from tests.processes import free_port

VENV = ROOT / ".venv" / "peer"
PINNED = Path(__file__).with_name("peer.txt")
SETTINGS = """SITENAME = "127.0.0.1"
SECRET_KEY = "only for a measurement"
STORAGE_FILESYSTEM_DIRECTORY = {folder!r}
DEFAULT_PERMISSIONS = "create,read"
"""


@contextmanager
def bepasty(folder: Path) -> Iterator[Served]:
    """Serve with as many workers and threads as the plain Flask drop."""
    install()
    files, port = folder / "files", free_port()
    files.mkdir(parents=True)
    settings = folder / "bepasty.conf"
    settings.write_text(SETTINGS.format(folder=str(files)))
    env = environment({"BEPASTY_CONFIG": str(settings)})
    command = [str(VENV / "bin" / "gunicorn"), *GUNICORN, "-b", f"127.0.0.1:{port}", "bepasty.wsgi"]
    with process(command, folder, env, port, folder) as served:
        yield Served(port, served.roots, upload="/+upload", opened="/+download")


def install() -> None:
    """Build its virtual environment from the pinned packages, unless it exists with the same packages."""
    built = VENV / PINNED.name
    if built.exists() and built.read_text() == PINNED.read_text():
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--no-deps", "-r", str(PINNED)], check=True)
    built.write_text(PINNED.read_text())
