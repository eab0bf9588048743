"""A database of images, which is one PostgreSQL or a pair of them."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod

from tests.cluster.alone import Alone
from tests.cluster.cluster import Cluster


class Database(ABC):
    """A shard, which can be killed, and comes back."""

    @abstractmethod
    def url(self, way: str) -> str:
        """Where it is reached."""

    @abstractmethod
    def kill(self) -> None:
        """Kill it."""

    @abstractmethod
    def come_back(self) -> None:
        """See to it that it runs again."""


class Single(Database):
    """One PostgreSQL."""

    def __init__(self, server: Alone) -> None:
        self.server = server

    def url(self, _way: str) -> str:
        return self.server.url

    def kill(self) -> None:
        self.server.kill()

    def come_back(self) -> None:
        self.server.start()


class Pair(Database):
    """Two PostgreSQL under Patroni, which starts them again by itself."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def url(self, way: str) -> str:
        return self.cluster.addresses[way]

    def kill(self) -> None:
        for node in self.cluster.nodes:
            node.send(signal.SIGKILL)

    def come_back(self) -> None:
        self.cluster.wait_until_whole()
