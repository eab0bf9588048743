"""One attack in a process of its own: ``python -m tests.attack.attacker NAME PORT``.

It says ``begun`` when it is prepared, goes on until its input ends, and then writes what it met as JSON. It runs at low
priority: the processor time of attackers on other machines would not be the server's.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys

from tests.attack.aim import Aim
from tests.attack.catalogue import ATTACKS

NICENESS = 10
LONGEST_SECONDS = 300


def main(name: str, port: int) -> None:
    os.nice(NICENESS)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most), most))
    aim = asyncio.run(_attack(name, port))
    _say(json.dumps({"tried": aim.tried, "statuses": aim.statuses, "wrong": aim.wrong}))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def _attack(name: str, port: int) -> Aim:
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    aim = Aim(port, over, lambda: _say("begun"))
    async with asyncio.timeout(LONGEST_SECONDS):
        await ATTACKS[name].act(aim)
    asyncio.get_running_loop().remove_reader(sys.stdin)
    return aim


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
