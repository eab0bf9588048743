"""Makes PostgreSQL's data folder (a cluster), atomically, and lets only one OS user connect."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from embedded.programs import EmbeddedError, install_for, reason, spawn

UNNAMED = range(60706, 61184)  # user ids that neither Debian nor systemd gives to anybody
SHAPE = ["--encoding=UTF8", "--locale=C", "--data-checksums"]
BUILTIN_LOCALE = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # from PostgreSQL 17 on
DATABASE = b"CREATE ROLE mayfly LOGIN CREATEDB;\nCREATE DATABASE mayfly OWNER mayfly;\n"


def make(folder: Path, durable: bool) -> None:
    """Make a cluster under a temporary name, and rename it when it is complete."""
    sweep(folder)
    new = Path(tempfile.mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
    try:
        _fill(new, durable)
        new.rename(folder)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    _sync(folder.parent)


def sweep(folder: Path) -> None:
    """Remove incomplete clusters that killed processes have left; their programs may still write for a moment."""
    for left in folder.parent.glob(f"{folder.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)


def check(folder: Path) -> None:
    """Raise EmbeddedError if this user or the installed PostgreSQL can't use a cluster."""
    owner = folder.stat().st_uid
    if os.geteuid() not in (0, owner):
        raise EmbeddedError(
            f"{folder} belongs to user id {owner}: start as that user or root, or set DATA_DIR."
        )
    install_for(folder)


def plain_name(user_id: int) -> str:
    """Return a user's name, by which PostgreSQL authenticates clients; raises EmbeddedError if it can't be used."""
    name = name_of(user_id)
    if name is None or set(name) & set('"\\\n'):
        raise EmbeddedError(f"User id {user_id} has no plain name, which PostgreSQL needs: use another user.")
    return name


def allow_only(user: str, folder: Path) -> None:
    """Let only one OS user connect. This is written at every start, since the folder may have a new owner."""
    _replace(folder / "pg_hba.conf", "local all all peer map=mayfly\n")
    _replace(
        folder / "pg_ident.conf", "".join(f'mayfly "{user}" {role}\n' for role in ("mayfly", "postgres"))
    )


def name_of(user_id: int) -> str | None:
    """Return the name of a user id, None if it has none."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return None


def _fill(new: Path, durable: bool) -> None:
    """Make a cluster in an empty folder.

    Root runs initdb as ``nobody``, since initdb needs a user with a name, and then gives the folder to an unused user
    id.
    """
    root = os.geteuid() == 0
    if root:
        nobody = pwd.getpwnam("nobody")
        os.chown(new, nobody.pw_uid, nobody.pw_gid)
    locale = BUILTIN_LOCALE if install_for(new).version >= (17, 0) else []
    speed = [] if durable else ["--no-sync"]
    _run("initdb", new, ["--username=postgres", "--auth=reject", *SHAPE, *locale, *speed])
    _run("postgres", new, ["-c", "exit_on_error=on", "postgres"], first="--single", told=DATABASE)
    if root:
        _give(new, next(user for user in UNNAMED if name_of(user) is None))


def _run(name: str, folder: Path, arguments: list[str], first: str | None = None, told: bytes = b"") -> None:
    work = spawn(name, folder, arguments, output=subprocess.PIPE, death=signal.SIGKILL, first=first)
    said, _ = work.communicate(told if first else None)
    if work.returncode:
        raise EmbeddedError(f"PostgreSQL could not be set up: {reason(said.decode(errors='replace'))}.")


def _give(folder: Path, user_id: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user_id, user_id, follow_symlinks=False)


def _replace(path: Path, text: str) -> None:
    """Replace a file, with the folder's owner as its owner, without following a symbolic link in its place."""
    owner = path.parent.stat()
    fd, new = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchown(fd, owner.st_uid, owner.st_gid)
    Path(new).replace(path)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
