"""The backends of several servers of Mayfly: three databases as shards, one of them a cluster, and SeaweedFS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.alone import Alone, alone
from tests.cluster.cluster import Cluster, running
from tests.cluster.network import Machine, machine
from tests.object_store import SeaweedFS


class Seaweed(SeaweedFS):
    """It runs on a machine of its own."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        super().__init__(folder, machine.address, machine.under)
        self.machine = machine


@dataclass
class Behind:
    """All of it: the cluster is the first shard, which has the accounts."""

    cluster: Cluster
    alone: list[Alone]
    seaweed: Seaweed

    def settings(self, way: str) -> dict[str, str]:
        """Settings of a Mayfly that reaches the cluster's primary by this way."""
        urls = (self.cluster.addresses[way], *(shard.url for shard in self.alone))
        shards = " ".join(f"{name}={url}" for name, url in zip("abc", urls, strict=True))
        return {"SHARDS": shards, **self.seaweed.service.env("mayfly")}


@contextmanager
def standing(folder: Path) -> Iterator[Behind]:
    """Have it all running while the block does."""
    with ExitStack() as stack:
        cluster = stack.enter_context(running(folder))
        shards = [stack.enter_context(alone(folder / name)) for name in ("b", "c")]
        (folder / "weed").mkdir()
        seaweed = Seaweed(folder / "weed", stack.enter_context(machine()))
        stack.callback(seaweed.kill)
        seaweed.start()
        yield Behind(cluster, shards, seaweed)
