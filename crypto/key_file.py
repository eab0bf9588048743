from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from crypto.server_keys import ServerKeys, generate_server_key

NAME = "secret_keys"


def key_file_in(folder: Path) -> Path:
    """Return the path of the file in a folder that ``server_keys_in`` reads."""
    return folder / NAME


def server_keys_in(folder: Path) -> ServerKeys:
    """Read the server keys from a file in a folder, one a line, newest first; if there is no file, make it with one
    key.

    Only the file's owner may read it. Raises MalformedServerKey, and OSError if the folder can't be written.
    """
    path = key_file_in(folder)
    with suppress(FileExistsError):
        _create(path)
    return ServerKeys.parse(path.read_text("ascii", "replace").split())


def _create(path: Path) -> None:
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{NAME}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(f"{generate_server_key()}\n")
        file.flush()
        os.fsync(file.fileno())
    # Making a hard link is atomic, and fails if the file exists. So two processes that start at the same moment both
    # use the key of the first one.
    try:
        path.hardlink_to(draft)
    finally:
        draft.unlink()
