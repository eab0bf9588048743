"""The load generator: load.c, compiled when it is needed, and its answers as Python values."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("load.c")
BOUNDARY = "------------------------mayflybenchmark"


@dataclass(frozen=True)
class Load:
    """What one run of the generator saw; latencies in milliseconds, first byte sent to last received."""

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
    """Holds the compiled program and the files it reads, in a folder of the caller's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "load"
        compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        if compiler is None:
            raise SystemExit("The benchmarks need a C compiler (cc) for their load generator.")
        subprocess.run([compiler, "-O2", "-o", self.program, SOURCE], check=True)

    def upload(self, image: bytes, path: str = "/upload") -> Path:
        """Writes a multipart upload, as curl -F would send it, and names its file."""
        file = self.folder / "upload.http"
        file.write_bytes(multipart(image, path))
        return file

    def post(
        self, port: int, clients: int, seconds: float, uploads: list[Path], links: Path, most: int
    ) -> Load:
        """Sends the uploads in turn, and writes the links that are answered."""
        return self._run("post", port, clients, seconds, most, links, *uploads)

    def get(self, port: int, clients: int, seconds: float, links: Path, length: int, after: str = "") -> Load:
        """Asks for what each link leads to, with `after` behind it."""
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
