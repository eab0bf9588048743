"""A Mayfly whose list of databases changes while others serve."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.cast import SERVER_KEY
from tests.cluster.databases import Database
from tests.processes import free_port, serving

PATIENCE = 120


@dataclass
class Node:
    """A Mayfly that is started anew with other lists, out of rotation meanwhile."""

    folder: Path
    way: str
    life: int
    port: int = field(default_factory=free_port)
    in_rotation: bool = False
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, newest: dict[str, Database], before: dict[str, Database]) -> None:
        settings = {
            "SHARDS": self._written(newest),
            "SHARDS_BEFORE": self._written(before),
            "SECRET_KEYS": SERVER_KEY,
            "DATA_DIR": str(self.folder),
            "LIFETIME": f"{self.life}s",
            "MAX_LIFETIME": f"{self.life}s",
            "PURGE_INTERVAL": "2s",
            "WORKERS": "1",
        }
        self._running.enter_context(serving(port=self.port, **settings))  # type: ignore[arg-type]
        self.in_rotation = True

    def _written(self, databases: dict[str, Database]) -> str:
        return " ".join(f"{name}={database.url(self.way)}" for name, database in databases.items())

    def stop(self) -> None:
        self.in_rotation = False
        time.sleep(1)  # what is under way ends
        self._running.close()

    def ready(self) -> bool:
        """Whether all databases answer it."""
        told = requests.get(f"{self.url}/readyz", timeout=PATIENCE).json()
        return bool(told["parts"]["database"]["ok"])
