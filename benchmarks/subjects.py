"""Starts the servers that are compared: the plain Flask drop under gunicorn, and Mayfly as `make run` serves it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

import embedded
from benchmarks.processes import accepts, postmasters, wait_until
from tests.processes import free_port

ROOT = Path(__file__).parents[1]
BASELINE = ROOT / "benchmarks" / "baseline"
GUNICORN = ["-k", "gthread", "-w", str(os.cpu_count() or 1), "--threads", "4"]
NOT_INHERITED: tuple[str, ...] = ("DATABASE_URL", "POSTGRES_", "PG", "HOST", "SECRET_KEYS")
NOT_INHERITED += ("LIFETIME", "MAX_", "PURGE_INTERVAL", "SURVIVE_CRASH", "WORKERS", "THREADS")
OFTEN = "1000000/second,1000000/second"
ONE_ADDRESS = {
    "RATE_LIMITS": f"uploads={OFTEN} opens={OFTEN}",
    "MAX_IMAGES_PER_CLIENT": "off",
    "MAX_BYTES_PER_CLIENT": "off",
}
"""Settings for load from one address: rates are counted, but too high to be reached, and quotas are off."""


@dataclass(frozen=True)
class Served:
    """A running server: its port, and the roots of its process trees, including PostgreSQL."""

    port: int
    roots: list[int]
    upload: str = "/upload"
    opened: str = ""
    """What to append to a link to get the image's bytes."""


@contextmanager
def plain_flask(folder: Path) -> Iterator[Served]:
    folder.mkdir(exist_ok=True)
    with embedded.running(folder) as url:
        env = environment({"DATABASE_URL": url, "FERNET_KEY": Fernet.generate_key().decode()})
        subprocess.run(_python("flask", "--app", "app", "init-db"), cwd=BASELINE, env=env, check=True)
        port = free_port()
        command = _python("gunicorn", *GUNICORN, "-b", f"127.0.0.1:{port}", "app:create_app()")
        with process(command, BASELINE, env, port, folder) as served:
            yield served


@contextmanager
def mayfly(folder: Path, **settings: str) -> Iterator[Served]:
    folder.mkdir(exist_ok=True)
    port = free_port()
    metrics = {"METRICS_BIND": f"127.0.0.1:{free_port()}"}
    env = environment(
        {"DATA_DIR": str(folder), "BIND": f"127.0.0.1:{port}", **metrics, **ONE_ADDRESS, **settings}
    )
    with process([sys.executable, "app.py"], ROOT, env, port, folder) as served:
        yield served


Subject = Callable[[Path], AbstractContextManager[Served]]
SUBJECTS: dict[str, Subject] = {"plain Flask": plain_flask, "Mayfly": mayfly}


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def environment(more: dict[str, str]) -> dict[str, str]:
    """Return the caller's environment without settings of Mayfly, and with ``more``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return inherited | more


@contextmanager
def process(
    command: list[str], where: Path, env: dict[str, str], port: int, folder: Path, look: float = 0.05
) -> Iterator[Served]:
    """Run a server while the block runs; its output goes to a file, whose end is shown if it doesn't start."""
    words = folder / "server.log"
    with words.open("wb") as log:
        server = subprocess.Popen(command, cwd=where, env=env, stdout=log, stderr=log)
    try:
        wait_until(lambda: accepts(port) or server.poll() is not None, 300, look)
        if server.poll() is not None:
            raise SystemExit(f"{command[1:4]} ended at its start:\n{words.read_text()[-2000:]}")
        yield Served(port, [server.pid, *postmasters(folder)])
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
