"""The folder of the socket: it has a random name in /tmp, which is stored in the data folder.

It is in /tmp, because the path of a socket may have at most 107 bytes, and because TMPDIR differs between cron and a
shell. Its name is random, so that no other user can make a folder with this name first.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path

from embedded.programs import alone_in

PARENT = Path("/tmp")  # noqa: S108 - names in it are random, and what has one is checked
REMEMBERED = "postgres.socket"


def find(data_dir: Path, owners: set[int]) -> Path:
    """Return the stored folder, made again if it is missing; or a new one if another user has taken its name.

    It belongs to one of the user ids in ``owners``, and only its owner has access.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The prefix depends on the path of the data folder, so that a copy of the folder doesn't use the same socket.
    prefix = f"mayfly-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:8]}-"
    with alone_in(data_dir):
        name = _remembered(data_dir)
        if name.startswith(prefix) and "/" not in name and _is_ours(PARENT / name, owners):
            return PARENT / name
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=PARENT))
        _remember(data_dir, folder.name)
        return folder


def _remembered(data_dir: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return (data_dir / REMEMBERED).read_text("ascii", errors="replace")
    return ""


def _remember(data_dir: Path, name: str) -> None:
    fd, new = tempfile.mkstemp(prefix=f"{REMEMBERED}.new-", dir=data_dir)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(name)
        os.fchmod(fd, 0o644)
    Path(new).replace(data_dir / REMEMBERED)


def _is_ours(folder: Path, owners: set[int]) -> bool:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o700 and found.st_uid in owners
