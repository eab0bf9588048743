"""Starts a server with METRICS_BIND and reads its metrics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.processes import Served, free_port, serving


@dataclass(frozen=True)
class Watched:
    """A server, and where its metrics are."""

    server: Served
    port: int

    @property
    def text(self) -> str:
        answer = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30)
        assert answer.status_code == 200
        return answer.text

    def values(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every sample by its name and labels."""
        families = text_string_to_metric_families(self.text)
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        return self.values().get((name, tuple(sorted(labels.items()))))


@contextmanager
def watched(**settings: Any) -> Iterator[Watched]:
    """Serve with a port for metrics."""
    port = free_port()
    with serving(METRICS_BIND=f"127.0.0.1:{port}", **settings) as server:
        yield Watched(server, port)
