"""One Mayfly of several: started, killed, paused, cut off, and started anew with a newer program."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.network import Machine
from tests.processes import ROOT, Served, free_port, serving


@dataclass(eq=False)
class Drop:
    """One Mayfly on a machine of its own, with these settings."""

    name: str
    machine: Machine
    settings: dict[str, Any]
    program: Path = ROOT
    port: int = field(default_factory=free_port)
    _served: Served | None = None
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def served(self) -> Served:
        assert self._served
        return self._served

    @property
    def url(self) -> str:
        return f"http://{self.machine.address}:{self.port}"

    def start(self) -> None:
        """Serve, and wait until it does."""
        self._served = self._running.enter_context(
            serving(
                under=self.machine.under,
                command=(str(self.program / "app.py"),),
                address=self.machine.address,
                port=self.port,
                **self.settings,
            )
        )

    def stop(self) -> None:
        """End it in order, as a service manager does."""
        self.served.stop(signal.SIGTERM)
        self._running.close()

    def send(self, number: signal.Signals) -> None:
        """Signal all its processes."""
        for pid in self.served.family():
            os.kill(pid, number)

    def kill(self) -> None:
        """End it at once, as by a kernel that is short of memory."""
        self.send(signal.SIGKILL)
        self._running.close()

    def close(self) -> None:
        """Let nothing be left of it."""
        self._running.close()
