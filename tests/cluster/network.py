"""A network of the run's own, in which each machine is a namespace whose link can be cut, as when a machine dies."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

ROOT = os.geteuid() == 0
OWN = "MAYFLY_TESTS_OWN_NETWORK"
"""Set where the run is in a network of its own already."""
UNSHARE = ("unshare", "--net", *(() if ROOT else ("--user", "--map-current-user", "--keep-caps")))
"""An ordinary user may do so in a user namespace, and keeps the capabilities that it has there."""
BRIDGE = " && ".join(
    f"ip {words}"
    for words in (
        "link set lo up",
        "link add switch type bridge",
        "address add 198.18.0.1/24 dev switch",
        "link set switch up",
    )
)
"""https://man7.org/linux/man-pages/man7/network_namespaces.7.html; the addresses are those of RFC 2544, for tests."""


def enter(module: str) -> bool:  # noqa: RET503 - execvpe never returns
    """Run a module anew in a network of its own, where the kernel allows one; False where it doesn't."""
    if own():
        subprocess.run(["sh", "-c", BRIDGE], check=True)
        return True
    if subprocess.run([*UNSHARE, "sh", "-c", BRIDGE], capture_output=True, check=False).returncode:
        return False
    again = (*UNSHARE, sys.executable, "-m", module, *sys.argv[1:])
    os.execvpe("unshare", again, os.environ | {OWN: "1"})


def own() -> bool:
    """Whether this run has a network of its own."""
    return OWN in os.environ


def home() -> str:
    """The address at which the machines reach this one."""
    return "198.18.0.1" if own() else "127.0.0.1"


@dataclass
class Machine:
    """Where a program runs: at which address, by what it is started there, and whether its link is cut."""

    address: str = "127.0.0.1"
    under: tuple[str, ...] = ()
    link: str = ""
    cut_off: bool = field(default=False, init=False)

    def cut(self) -> None:
        """Have every packet from and to the machine vanish; nobody closes a connection."""
        self._set("down")
        self.cut_off = True

    def mend(self) -> None:
        """Have packets arrive again."""
        self._set("up")
        self.cut_off = False

    def _set(self, state: str) -> None:
        subprocess.run(["ip", "link", "set", self.link, state], check=True)


_numbers = count(2)


@contextmanager
def machine() -> Iterator[Machine]:
    """Have one more machine on the network; in a run that has no network of its own, it is this one."""
    if not own():
        yield Machine()
        return
    number = next(_numbers)
    made = Machine(f"198.18.0.{number}", link=f"port{number}")
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:  # the namespace lives while this waits for the end of its input
        assert holder.stdin
        assert holder.stdout
        holder.stdout.read(1)
        made.under = ("nsenter", f"--net=/proc/{holder.pid}/ns/net")
        inside = f"ip link set lo up && ip address add {made.address}/24 dev eth0 && ip link set eth0 up"
        plug = f"ip link add {made.link} type veth peer name eth0 netns {holder.pid}"
        subprocess.run(["sh", "-c", f"{plug} && ip link set {made.link} master switch up"], check=True)
        subprocess.run([*made.under, "sh", "-c", inside], check=True)
        yield made
        holder.stdin.close()
