"""The PostgreSQL programs: where they are, and how they are run."""

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from embedded import installs
from embedded.installs import Install

CACHE = Path("/var/cache/mayfly")
HERE = "/proc/self/cwd" if sys.platform == "linux" else "."
ENVIRONMENT = {  # Mayfly's own holds secrets, and PostgreSQL would obey PG… variables
    "LC_ALL": "C",
    "PATH": os.defpath,
    # PostgreSQL takes and frees a megabyte for each piece, several times over: without this glibc gives it back to the
    # system each time, and every page is faulted in anew. https://sourceware.org/glibc/manual/latest/html_node/Tunables.html
    "GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={4 << 20}:glibc.malloc.trim_threshold={4 << 20}",
}
PR_SET_PDEATHSIG = 1
ENDING = (signal.SIGINT, signal.SIGTERM)
libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class EmbeddedError(Exception):
    """The embedded PostgreSQL can't run; the message says how to mend it."""


@contextlib.contextmanager
def explained(data_dir: Path) -> Iterator[None]:
    """Turn an OSError into an EmbeddedError that says in one sentence what the system refused."""
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


def install_for(folder: Path) -> Install:
    """Find the newest PostgreSQL that can run a cluster; for a folder that holds none yet, the newest of all."""
    made_by = folder / "PG_VERSION"
    major = int(made_by.read_text()) if made_by.exists() else None
    if found := installs.newest(major):
        return found
    if major is not None and installs.newest(None):
        raise EmbeddedError(
            f"{folder} was made by PostgreSQL {major}, which is not installed here: install it"
            f" (on Debian postgresql-{major}), or move the folder away to begin anew."
        )
    raise EmbeddedError(
        "No database is named, and no PostgreSQL is installed beside Mayfly: set DATABASE_URL or POSTGRES_USER."
    )


def program(name: str, folder: Path) -> str:
    """Find a PostgreSQL program for a cluster where the owner of the cluster may run it."""
    install = install_for(folder)
    home = install.home
    if os.geteuid() == 0 and not install.of_system:
        home = _reachable(install)
    return str(home / "bin" / name)


@functools.cache
def _reachable(install: Install) -> Path:
    """Copy the programs, once for each version, to where a server that isn't root can reach them."""
    CACHE.mkdir(mode=0o755, parents=True, exist_ok=True)
    if (found := CACHE.stat()).st_uid != 0 or found.st_mode & 0o022:
        raise EmbeddedError(f"Others than root may write to {CACHE}: remove it and start again.")
    whole = CACHE / install.whole_name
    with alone_in(CACHE):
        if not whole.exists():
            _copy(install.home, CACHE / "new")
            (CACHE / "new").rename(whole)
    return whole / install.package / install.home.name


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
    package = home.parent
    for part in ("bin/postgres", "bin/initdb", "lib", "share"):
        source, target = home / part, new / package.name / home.name / part
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    libraries = package.with_name(f"{package.name}.libs")
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
    """Start a PostgreSQL program in a cluster's folder as the folder's owner; it gets the signal `death` when we end.

    The folder is its working directory, and `-D` names that; so its owner needs no rights in the folders above.
    """
    owner, root = folder.stat(), os.geteuid() == 0
    command = [program(name, folder), *([first] if first else []), "-D", HERE, *arguments]
    with signals_later():
        return subprocess.Popen(  # noqa: S603 - our own program and words
            command,
            cwd=folder,
            env=ENVIRONMENT,
            user=owner.st_uid if root else None,
            group=owner.st_gid if root else None,
            extra_groups=[] if root else None,
            stdin=subprocess.PIPE if first else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the workers first
            preexec_fn=functools.partial(_begin, os.getpid(), death),
        )


def _begin(parent: int, death: signal.Signals) -> None:
    hear_signals()
    die_with(parent, death)


@contextlib.contextmanager
def signals_later() -> Iterator[None]:
    """Hear SIGINT and SIGTERM only after a fork: functions that Python calls around it lose what a handler raises.

    The child calls ``hear_signals``.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        hear_signals()


def hear_signals() -> None:
    """Hear SIGINT and SIGTERM again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def die_with(parent: int, death: signal.Signals) -> None:
    """Have this child process get a signal when its parent ends; call it after giving up root, which would clear it."""
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, death)
        if os.getppid() != parent:
            os._exit(1)
