"""What the rate limits cost an open of 100 KB: processor time of a worker with them and without, in turns."""

from __future__ import annotations

import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import requests

import embedded
from app import create_app, migrate
from config import Config
from tests.cast import SERVER_KEY, noise
from tests.processes import Served, serving

ROUNDS, OPENS = 15, 400
WAYS = {"off": "off", "on": "opens=100000000/minute,100000000/minute"}


def seconds(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def main() -> None:
    image = noise(183, 183)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        url = stack.enter_context(embedded.running(Path(folder), durable=False))
        migrate(create_app(Config(database_url=url, secret_keys=(SERVER_KEY,))))
        servers: dict[str, Served] = {}
        for name, limits in WAYS.items():
            settings = {"DATABASE_URL": url, "SECRET_KEYS": SERVER_KEY, "RATE_LIMITS": limits, "WORKERS": "1"}
            servers[name] = stack.enter_context(serving(**settings))
        link = requests.post(f"{servers['off'].url}/upload?lifetime=1h", data=image, timeout=30).json()[
            "hash"
        ]
        spent: dict[str, list[float]] = {name: [] for name in WAYS}
        with requests.Session() as session:
            for _ in range(ROUNDS):
                for name, served in servers.items():
                    before = seconds(served.workers()[0])
                    for _ in range(OPENS):
                        assert session.get(f"{served.url}/image/{link}", timeout=30).ok
                    spent[name].append((seconds(served.workers()[0]) - before) / OPENS * 1e6)
    for name, each in spent.items():
        told = f"{name}: median {statistics.median(each):.0f} µs of {ROUNDS} rounds of {OPENS} opens\n"
        sys.stdout.write(f"{len(image):,} bytes, limits {told}")
    extra = [on - off for on, off in zip(spent["on"], spent["off"], strict=True)]
    sys.stdout.write(f"on - off: median {statistics.median(extra):.0f} µs\n")


if __name__ == "__main__":
    main()
