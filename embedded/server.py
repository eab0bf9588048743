"""Starts and stops the server of a data folder, decides which process owns it, and cleans up after a crash."""

import contextlib
import fcntl
import logging
import os
import shutil
import signal
import socket
import subprocess
import time
from io import FileIO
from pathlib import Path

from embedded import cluster, log_file, socket_folder
from embedded.disk import wal_sizes
from embedded.programs import EmbeddedError, explained, install_for, reason, spawn
from embedded.settings import DURABLE, NOT_DURABLE, SETTINGS, SINCE_18

PATIENCE = 60.0  # seconds to wait until another process has started its server, or has ended
HIDDEN = (
    3.0  # seconds to wait for a server that is marked as ready; after that its socket is not visible here
)
RECOVERY = 600.0  # seconds that a server may take for its recovery from a crash
ENDINGS = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))
STILL_THERE = (
    "already exists",
    "still in use",
)  # parts of PostgreSQL's messages if another server runs in the same folder
log = logging.getLogger("mayfly")


class Server:
    """The PostgreSQL server of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.folder = self.data_dir / "postgres"
        self.log = self.data_dir / "postgres.log"
        self._shortening = log_file.Shortening(self.log)
        self._owner = 0
        self._lock: FileIO | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket_folder(self) -> Path:
        """The folder of the socket, which is the same for all processes."""
        owners = {os.geteuid()}
        with explained(self.data_dir):
            if self.folder.exists():
                owners.add(self.folder.stat().st_uid)
            return socket_folder.find(self.data_dir, owners)

    @property
    def url(self) -> str:
        """The URL by which this user connects to it."""
        return f"postgresql+psycopg2://mayfly@/mayfly?host={self.socket_folder}"

    def join(self, durable: bool, own: bool) -> None:
        """Have the server run: use that of another process, or start it and own it. Raises EmbeddedError."""
        with explained(self.data_dir):
            self._lock = self._open_lock()
            if self._claim(self._lock, own):
                self._owner = os.getpid()
                self._start(durable)
                self._shortening.start()
                _say(self._lock, b"ready")

    def leave(self) -> None:
        """Stop the server if this process owns it."""
        if self._lock is not None and self._owner == os.getpid():
            _say(self._lock, b"")
            self._shortening.stop()
            self._stop()
        if self._lock is not None:
            self._lock.close()

    def _open_lock(self) -> FileIO:
        """Open the lock file: the owner holds its lock, and it contains ``ready`` while the server can be used."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        lock = FileIO(os.open(self.data_dir / "postgres.lock", flags, 0o600), "r+")
        os.register_at_fork(
            after_in_child=lock.close
        )  # else a forked worker would keep the lock after the end of this process
        return lock

    def _claim(self, lock: FileIO, own: bool) -> bool:
        """Become the owner and return True, or return False if another process is, and its server answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _say(lock, b"")
                return True
            if not own and os.pread(lock.fileno(), 8, 0) == b"ready":
                if self._listens():
                    return False
                deadline = min(deadline, time.monotonic() + HIDDEN)
            time.sleep(0.05)
        raise EmbeddedError(
            f"Another process runs the PostgreSQL of {self.data_dir}: end that one first. To use a command of flask"
            " while a systemd service runs, it needs the service's /tmp: docs/operations.md, Under systemd."
        )

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as door, contextlib.suppress(OSError):
            door.connect(str(self.socket_folder / ".s.PGSQL.5432"))
            return True
        return False

    def _start(self, durable: bool) -> None:
        """Start the server; try again while an earlier one, whose owner was killed, still shuts down."""
        user = cluster.plain_name(os.geteuid())
        if not self.folder.exists():
            cluster.make(self.folder, durable)
        cluster.check(self.folder)
        log.info("the embedded database is %s", install_for(self.folder).name)
        cluster.allow_only(user, self.folder)
        self._forget_reused_pid()
        self._make_socket_folder()
        deadline = time.monotonic() + PATIENCE
        while said := self._attempt(durable):
            if not any(sign in said for sign in STILL_THERE) or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start: {reason(said)}. See {self.log}.")
            time.sleep(0.5)
        cluster.sweep(self.folder)

    def _attempt(self, durable: bool) -> str:
        """Start the server and wait until it is ready; return "" then, or its log if it has ended."""
        log_file.shorten(self.log)
        with log_file.opened(self.log) as written:
            start = written.seek(0, os.SEEK_END)
            self._process = spawn(
                "postgres", self.folder, self._options(durable), output=written, death=signal.SIGINT
            )
            if self._becomes_ready(self._process):
                return ""
            return os.pread(written.fileno(), 100_000, start).decode(errors="replace") or "no word"

    def _options(self, durable: bool) -> list[str]:
        settings = SETTINGS | (DURABLE if durable else NOT_DURABLE)
        settings |= SINCE_18 if install_for(self.folder).version >= (18, 0) else {}
        settings |= {"unix_socket_directories": str(self.socket_folder)} | wal_sizes(self.data_dir)
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def _becomes_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        deadline = time.monotonic() + RECOVERY
        while process.poll() is None:
            if self._status_line(process.pid).startswith("ready"):
                return True
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL was not ready after {RECOVERY:.0f} s. See {self.log}.")
            time.sleep(0.01)
        return False

    def _status_line(self, pid: int) -> str:
        """Return the server's status, which is the eighth line of postmaster.pid."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / "postmaster.pid").read_text(errors="replace").split("\n")
            if len(lines) > 7 and lines[0] == str(pid):
                return lines[7]
        return ""

    def _stop(self) -> None:
        """Stop the server with stronger and stronger signals; even after SIGKILL, recovery loses nothing."""
        if self._process is None:
            return
        for how, seconds in ENDINGS:
            self._process.send_signal(how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _forget_reused_pid(self) -> None:
        """Remove a crashed server's pid file if another program has this process id now, as in a new container."""
        path = self.folder / "postmaster.pid"
        with contextlib.suppress(
            OSError, ValueError
        ):  # no file, or an unreadable one: then PostgreSQL decides
            pid = int(path.read_text().split("\n")[0])
            os.kill(pid, 0)
            try:
                ours = Path(f"/proc/{pid}/cwd").samefile(self.folder)
            except FileNotFoundError:  # the process has ended and is a zombie, or there is no /proc
                ours = not Path("/proc/self").exists()
            if not ours:
                path.unlink()

    def _make_socket_folder(self) -> None:
        """Remove what a crash has left in the socket's folder, and give the folder to the server's user."""
        owner, path = self.folder.stat(), self.socket_folder
        for left in path.iterdir():
            left.unlink()
        os.chown(path, owner.st_uid, owner.st_gid)


def _say(lock: FileIO, word: bytes) -> None:
    os.ftruncate(lock.fileno(), 0)
    os.pwrite(lock.fileno(), word, 0)
