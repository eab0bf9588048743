"""``python -m tests.attack``: attack a Mayfly of its own, or one of this machine, and print the table."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import embedded
from tests.attack.catalogue import ATTACKS
from tests.attack.registry import Attack
from tests.attack.result import GENEROUS, STRICT, WORKERS, Bounds, Result
from tests.attack.run import tried
from tests.attack.table import HEADER, met, row, summary
from tests.attack.wire import HOST
from tests.processes import serving

LONG_SECONDS = 60.0
SHORT_SECONDS = 2.0


def main() -> int:
    """Run the attacks that were asked for; 1 where one of them went beyond its bounds."""
    asked = _arguments().parse_args()
    seconds = asked.seconds or (SHORT_SECONDS if asked.short else LONG_SECONDS)
    bounds = GENEROUS if asked.short else STRICT
    chosen = [one for one in ATTACKS.values() if not asked.only or one.name in asked.only]
    if asked.short:
        chosen = [one for one in chosen if one.short]
    _say(HEADER)
    attack = partial(_there, port=asked.url) if asked.url else _here
    results = attack(chosen, seconds=seconds, bounds=bounds)
    _say(f"\n{summary(results, bounds)}; {seconds:g} s each. What the attackers were answered:")
    for result in results:
        _say(f"- {result.attack.name}: {met(result)}")
    return int(any(result.complaints(bounds) for result in results))


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests.attack", description="Attack a Mayfly on this machine.")
    parser.add_argument(
        "--seconds", type=_seconds, help=f"how long each attack lasts, {LONG_SECONDS:g} by default"
    )
    parser.add_argument("--only", action="append", choices=ATTACKS, metavar="NAME", help=", ".join(ATTACKS))
    parser.add_argument("--short", action="store_true", help="some of the worst, two seconds each")
    parser.add_argument("--url", type=_url, help=f"a server that runs already, http://{HOST}:PORT")
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 120:
        raise argparse.ArgumentTypeError("from 1 to 120 seconds")
    return seconds


def _url(text: str) -> int:
    """Return the port of a server of this machine; no other is attacked."""
    parts = urlsplit(text)
    if parts.scheme != "http" or parts.hostname != HOST or not parts.port:
        raise argparse.ArgumentTypeError(f"only a server of this machine is attacked: http://{HOST}:PORT")
    return parts.port


def _there(chosen: list[Attack], *, port: int, seconds: float, bounds: Bounds) -> list[Result]:
    """Attack a server that runs already; attacks that need settings of their own are left out, and named."""
    left_out = [one.name for one in chosen if one.settings]
    results = []
    for one in chosen:
        if not one.settings:
            results.append(tried(one, port, seconds))
            _say(row(results[-1], bounds))
    if left_out:
        _say(f"\nLeft out, since they need settings of their own: {', '.join(left_out)}")
    return results


def _here(chosen: list[Attack], *, seconds: float, bounds: Bounds) -> list[Result]:
    """Attack a server of our own; each attack gets a fresh one, and an empty database."""
    results = []
    for one in chosen:
        with _database() as (url, folder):
            env: dict[str, Any] = {"DATABASE_URL": url, "DATA_DIR": folder, "WORKERS": str(WORKERS)}
            with serving(**{**env, **one.settings}) as served:
                results.append(tried(one, served.port, seconds, served))
        _say(row(results[-1], bounds))
    return results


@contextlib.contextmanager
def _database() -> Iterator[tuple[str, str]]:
    """An embedded PostgreSQL in a temporary folder: its URL, and a folder for the server's key."""
    with tempfile.TemporaryDirectory() as folder, embedded.running(Path(folder) / "database") as url:
        yield url, folder


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
