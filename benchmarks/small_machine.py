"""Large images on a small machine: `python -m benchmarks.small_machine [--memory 512] [--clients 4]`, as root.

A control group bounds the memory of the server and its PostgreSQL, page cache included. Prints what was answered, the
most memory that was used, and how many processes the kernel killed.
"""

import argparse
import io
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from benchmarks.processes import free_port, tree
from benchmarks.subjects import ONE_ADDRESS, ROOT, Served, environment, process

GROUPS = Path("/sys/fs/cgroup")
MB = 2**20
NAME = "mayfly-small-machine"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--memory", type=int, default=512, help="megabytes")
    options.add_argument("--clients", type=int, default=4)
    options.add_argument("--times", type=int, default=3, help="how often each client does each")
    chosen = options.parse_args()
    large, photo = png_of_20_mib(), jpeg_of_12_megapixels()
    print(f"{chosen.memory} MB; images of {len(large) / MB:.1f} and {len(photo) / MB:.1f} MiB")
    with tempfile.TemporaryDirectory() as temporary, group(chosen.memory * MB) as folder:
        command = ["sh", "-c", f'echo $$ >"{folder}/cgroup.procs"; exec "$0" "$@"']
        command += [str(ROOT / ".venv/bin/python"), "app.py"]
        port = free_port()
        settings = {"DATA_DIR": temporary, "BIND": f"127.0.0.1:{port}", **ONE_ADDRESS}
        with process(command, ROOT, environment(settings), port, Path(temporary)) as served:
            before = tree(served.roots)
            print(f"{len(before)} processes")
            journey(served, large, photo, chosen.clients, chosen.times)
            print(
                f"the server's processes of before that still live: {len({*before} & {*tree(served.roots)})}"
            )
        tell(folder)


def journey(served: Served, large: bytes, photo: bytes, clients: int, times: int) -> None:
    """Uploads and opens of the large image by all clients at once, then of the photo, converted."""
    base = f"http://127.0.0.1:{served.port}"
    for name, image, query in (
        ("20 MiB PNG", large, ""),
        ("12 megapixels as WebP", photo, "?format=webp&width=1600"),
    ):
        links: list[str] = []

        def upload(_: int, image: bytes = image, links: list[str] = links) -> int:
            status, body = ask(f"{base}/a.png", image)
            if status == 201:
                links.append(body.decode().strip())
            return status

        run(f"{name}, up", upload, clients, times)

        def open_one(turn: int, links: list[str] = links, query: str = query) -> int:
            return ask(links[turn % len(links)] + query)[0]

        run(f"{name}, open", open_one, clients, times)


def run(what: str, request: Callable[[int], int], clients: int, times: int) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        statuses = Counter(pool.map(request, range(clients * times)))
    print(f"{what}: {dict(statuses)} in {time.monotonic() - began:.1f} s")


def ask(url: str, body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=body, method="PUT" if body else "GET")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


@contextmanager
def group(limit: int) -> Iterator[Path]:
    """A control group of version 2 or 1 with so many bytes of memory, and no swap where that is counted."""
    old = not (GROUPS / "cgroup.controllers").exists()
    folder = (GROUPS / "memory" if old else GROUPS) / NAME
    folder.mkdir()
    try:
        (folder / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(limit))
        swap = folder / ("memory.memsw.limit_in_bytes" if old else "memory.swap.max")
        if swap.exists():
            swap.write_text(str(limit if old else 0))
        yield folder
    finally:
        folder.rmdir()


def tell(folder: Path) -> None:
    for name in ("memory.max_usage_in_bytes", "memory.peak"):
        if (folder / name).exists():
            print(f"most memory used, page cache included: {int((folder / name).read_text()) / MB:.0f} MB")
    for name in ("memory.oom_control", "memory.events"):
        if (folder / name).exists():
            print(" ".join((folder / name).read_text().split()))


def png_of_20_mib() -> bytes:
    """Noise, which doesn't shrink, just under the largest size that is taken."""
    return _saved(Image.frombytes("RGB", (2600, 2550), os.urandom(2600 * 2550 * 3)), "PNG")


def jpeg_of_12_megapixels() -> bytes:
    return _saved(Image.effect_noise((4000, 3000), 60).convert("RGB"), "JPEG")


def _saved(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


if __name__ == "__main__":
    main()
