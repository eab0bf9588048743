"""A PostgreSQL without a standby: one of the shards."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from tests.cluster.network import ROOT, Machine, machine
from tests.cluster.nodes import AS_USER, PROGRAMS, USER
from tests.processes import children_of, free_port, until

SYSTEM = Path("/usr/lib/postgresql")
"""Where Debian has each major version in a folder of its own."""
OPTIONS = {"fsync": "off", "shared_buffers": "32MB"}
"""Processes are killed here and no machine is, so nothing has to reach the disk."""


def another_version() -> Path:
    """Find the programs of the system's PostgreSQL, which has another major version than the embedded one."""
    majors = [int(path.name) for path in SYSTEM.iterdir() if (path / "bin" / "initdb").exists()]
    others = sorted({*majors} - {version(PROGRAMS)})
    assert others, f"{SYSTEM} has no PostgreSQL of another major version than {version(PROGRAMS)}"
    return SYSTEM / str(others[-1]) / "bin"


def version(programs: Path) -> int:
    """Return the major version of the PostgreSQL of a folder."""
    said = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[2].partition(".")[0])


class Alone:
    """A server of a folder of its own, on a machine of its own where there are several."""

    def __init__(self, folder: Path, machine: Machine, programs: Path = PROGRAMS) -> None:
        self.folder, self.machine, self.programs = folder, machine, programs
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql://mayfly@{self.machine.address}:{self._port}/mayfly"

    def make(self) -> None:
        """Make its cluster, with a role and a database of Mayfly."""
        self.folder.mkdir(exist_ok=True)
        if ROOT:
            shutil.chown(self.folder, USER)
        initdb = (
            "initdb",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        subprocess.run(self._command(*initdb, "-D", "data"), cwd=self.folder, capture_output=True, check=True)
        with (self.folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all trust\n")
        self.start()
        with contextlib.closing(self._connection()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("CREATE ROLE mayfly LOGIN")
            cursor.execute("CREATE DATABASE mayfly OWNER mayfly")

    def start(self) -> None:
        """Run it, and wait until it answers."""
        given = OPTIONS | {"listen_addresses": self.machine.address, "unix_socket_directories": ""}
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", "data", "-p", str(self._port), *options),
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        assert until(self._answers), (self.folder / "log").read_text()

    def send(self, number: signal.Signals) -> None:
        """Signal the server and all its children."""
        assert self._process
        for _ in range(2):  # a child that was born meanwhile is found the second time
            for pid in (self._process.pid, *children_of(self._process.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def kill(self) -> None:
        """End it at once; nothing where it has ended."""
        if self._process:
            self.send(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _command(self, name: str, *arguments: str) -> list[str]:
        as_user = AS_USER if ROOT else ()
        return [*self.machine.under, *as_user, str(self.programs / name), *arguments]

    def _connection(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=self.machine.address, port=self._port, user="postgres", dbname="postgres", connect_timeout=2
        )

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg2.OperationalError):
            self._connection().close()
            return True
        return False


@contextlib.contextmanager
def alone(folder: Path, programs: Path = PROGRAMS) -> Iterator[Alone]:
    """Run one while the block does."""
    with machine() as its:
        server = Alone(folder, its, programs)
        try:
            server.make()
            yield server
        finally:
            server.kill()
