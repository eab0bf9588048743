"""Finds and runs PostgreSQL's programs."""

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
ENVIRONMENT = {  # not this process's environment, which contains secrets and perhaps PG… variables
    "LC_ALL": "C",
    "PATH": os.defpath,
    # PostgreSQL allocates and frees several buffers of a megabyte for each piece. By default glibc returns them to the
    # system, and each next use causes page faults. https://sourceware.org/glibc/manual/latest/html_node/Tunables.html
    "GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={4 << 20}:glibc.malloc.trim_threshold={4 << 20}",
}
PR_SET_PDEATHSIG = 1
ENDING = (signal.SIGINT, signal.SIGTERM)
libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class EmbeddedError(Exception):
    """The embedded PostgreSQL can't run; the message says what to do."""


@contextlib.contextmanager
def explained(data_dir: Path) -> Iterator[None]:
    """Turn an OSError in the block into an EmbeddedError with one sentence."""
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
            f"The embedded PostgreSQL can't run here ({error}): correct that, or set DATABASE_URL."
        ) from error


def reason(output: str) -> str:
    """Return the line of a PostgreSQL program's output that says why it failed."""
    if "No space left on device" in output:
        return "the disk is full, free some space"
    words = ("FATAL:", "PANIC:", "error:")
    lines = [line for line in output.splitlines() if line.strip()] or ["it did not say why"]
    said = [line.partition(word)[2] for line in lines for word in words if word in line]
    return (said or lines)[-1].strip()


def install_for(folder: Path) -> Install:
    """Return the newest PostgreSQL that can run the cluster in a folder, or the newest of all if the folder is empty.

    Raises EmbeddedError.
    """
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
    """Return the path of a PostgreSQL program for a cluster, in a place where the cluster's owner may run it."""
    install = install_for(folder)
    home = install.home
    if os.geteuid() == 0 and not install.of_system:
        home = _reachable(install)
    return str(home / "bin" / name)


@functools.cache
def _reachable(install: Install) -> Path:
    """Copy an install of root's, once for each version, to a folder that other users can read."""
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
    """Hold a lock on a folder, so that only one process at a time runs the block."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _copy(home: Path, new: Path) -> None:
    """Copy what the server needs, in the same layout, since programs find their libraries by relative paths."""
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
    os.sync()  # else a power cut could leave the renamed folder without its files


def spawn(
    name: str,
    folder: Path,
    arguments: list[str],
    *,
    output: IO[bytes] | int,
    death: signal.Signals,
    first: str | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a PostgreSQL program for a cluster as the owner of its folder; it gets ``death`` when this process ends.

    The folder is its working directory, which ``-D`` names, so the owner needs no permissions for the folders above.
    """
    owner, root = folder.stat(), os.geteuid() == 0
    command = [program(name, folder), *([first] if first else []), "-D", HERE, *arguments]
    with signals_later():
        return subprocess.Popen(  # noqa: S603 - our own program and arguments
            command,
            cwd=folder,
            env=ENVIRONMENT,
            user=owner.st_uid if root else None,
            group=owner.st_gid if root else None,
            extra_groups=[] if root else None,
            stdin=subprocess.PIPE if first else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that Ctrl-C doesn't stop it before the workers
            preexec_fn=functools.partial(_begin, os.getpid(), death),
        )


def _begin(parent: int, death: signal.Signals) -> None:
    hear_signals()
    die_with(parent, death)


@contextlib.contextmanager
def signals_later() -> Iterator[None]:
    """Block SIGINT and SIGTERM during a fork, since functions that Python calls around it swallow a handler's
    exception.

    The child has to call ``hear_signals``.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        hear_signals()


def hear_signals() -> None:
    """Unblock SIGINT and SIGTERM."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def die_with(parent: int, death: signal.Signals) -> None:
    """Have the kernel send a signal to this process when its parent ends; call it after a change of the user id, which
    would clear it."""
    if libc is not None:
        libc.prctl(PR_SET_PDEATHSIG, death)
        if os.getppid() != parent:
            os._exit(1)
