"""Compiles and runs the load generator load.c, and parses its output."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("load.c")
BOUNDARY = "------------------------mayflybenchmark"


@dataclass(frozen=True)
class Load:
    """The results of one run; latencies are in milliseconds, from the first byte sent to the last byte received."""

    requests: int
    seconds: float
    body_bytes: int
    wrong_length: int
    broken: int
    reconnects: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    generator_cpu_s: float
    statuses: dict[str, int]

    @property
    def rate(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0

    @property
    def failed(self) -> int:
        return self.broken + sum(self.statuses.values()) - self.requests


class Generator:
    """The compiled load generator, in a folder that also holds its request files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "load"
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise SystemExit("The benchmarks need a C compiler (cc) for their load generator.")
        subprocess.run([compiler, "-O2", "-o", self.program, SOURCE], check=True)

    def upload(self, image: bytes, path: str = "/upload") -> Path:
        """Write a multipart upload, as curl -F would send it, to a file; return its path."""
        file = self.folder / "upload.http"
        file.write_bytes(multipart(image, path))
        return file

    def post(
        self, port: int, clients: int, seconds: float, uploads: list[Path], links: Path, most: int
    ) -> Load:
        """Send the uploads in turn, and write the links of the answers to the file ``links``."""
        return self._run("post", port, clients, seconds, most, links, *uploads)

    def get(self, port: int, clients: int, seconds: float, links: Path, length: int, after: str = "") -> Load:
        """Send a GET for each link in the file ``links``, with ``after`` appended."""
        return self._run("get", port, clients, seconds, 10**9, links, length, after)

    def _run(self, *arguments: object) -> Load:
        command = [str(self.program), *map(str, arguments)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        return Load(**json.loads(done.stdout))


def multipart(image: bytes, path: str) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="noise.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    body = head + image + f"\r\n--{BOUNDARY}--\r\n".encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load\r\nAccept: text/plain\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
