"""Secrets in every form they might be left in, and a search for them through files of any size."""

from __future__ import annotations

import re
import subprocess
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

WINDOW = 24
SHORTEST = 8
UNSEARCHABLE = re.compile(rb"[\n\0]")  # a pattern of grep ends at a line's end


@dataclass(frozen=True)
class Needle:
    """A few bytes that must be nowhere, and what they are."""

    what: str
    content: bytes


@dataclass(frozen=True)
class Found:
    """A needle, in the form it had, and the file it was in."""

    what: str
    form: str
    path: Path


def windows(what: str, content: bytes, count: int = 6) -> Iterator[Needle]:
    """Windows of some bytes, spread over them; the first few bytes are left out, since many pictures share them."""
    step = max(1, (len(content) - 200) // count)
    for start in range(100, len(content) - 100, step):
        window = content[start : start + WINDOW]
        if not UNSEARCHABLE.search(window) and len(set(window)) > WINDOW // 2:
            yield Needle(what, window)


def forms(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The bytes themselves, in hexadecimal, and in base64 wherever in a longer text they began."""
    longest = max(UNSEARCHABLE.split(content), key=len)
    if len(longest) >= SHORTEST:
        yield "plain", longest
    yield "hexadecimal", content.hex().encode()
    yield "hexadecimal", content.hex().upper().encode()
    for ahead in range(3):
        whole = bytes(ahead) + content
        for encode in (b64encode, urlsafe_b64encode):
            # The first and the last characters hold bits of what stands around.
            yield "base64", encode(whole)[4 if ahead else 0 : len(whole) // 3 * 4]


def search(folders: Iterable[Path], needles: Iterable[Needle], scratch: Path) -> list[Found]:
    """Search every file under the folders; the patterns are kept in ``scratch``, which must not be among them."""
    meaning = {form: (needle.what, name) for needle in needles for name, form in forms(needle.content)}
    patterns = scratch / "patterns"
    patterns.write_bytes(b"\n".join(meaning))
    command = [
        "grep",
        "-r",
        "-a",
        "-o",
        "-F",
        "-Z",
        "-D",
        "skip",
        "-f",
        str(patterns),
        "--",
        *map(str, folders),
    ]
    done = subprocess.run(
        command, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}, capture_output=True, check=False
    )
    # A server that runs may drop a file while we read its folder.
    assert all(b"No such file" in line for line in done.stderr.splitlines()), done.stderr
    lines = [line.partition(b"\0") for line in done.stdout.splitlines() if line]
    return [Found(*meaning[hit], Path(path.decode())) for path, _, hit in lines if hit in meaning]


def files_in(folders: Iterable[Path]) -> list[Path]:
    """Every plain file under the folders."""
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]
