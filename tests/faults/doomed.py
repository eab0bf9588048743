"""``python app.py`` with fault points: a worker that is told so kills itself at one step of an upload or a sweep.

A file named after the step tells it, with the process ids of the workers of which the first to come there dies; the
last image key is left beside it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import server
import services.image_writer
import services.incoming
import services.quota
import storage.objects
import storage.rows
import web.routes.drop

writer: Any = services.image_writer
incoming: Any = services.incoming

FOLDER = Path(os.environ["FAULT_FOLDER"])


def die_at(step: str) -> None:
    """End this process at once, if it was told to end here."""
    order = FOLDER / (step or "nowhere")
    with suppress(FileNotFoundError):  # nobody is told to, or another worker was first
        if str(os.getpid()) in order.read_text().split():
            order.unlink()
            os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, step: str) -> None:
    """Put a fault point before and after a function."""
    function: Callable[..., Any] = getattr(owner, name)

    def doomed(*arguments: Any, **named: Any) -> Any:
        die_at(f"before {step}")
        done = function(*arguments, **named)
        die_at(f"after {step}")
        return done

    setattr(owner, name, doomed)


def along_the_bytes() -> None:
    """Put fault points where the sealed bytes are on their way to PostgreSQL, and where all of them have gone."""
    read = storage.rows._Source.read

    def doomed(self: Any, _size: int) -> bytes:
        self.calls = getattr(self, "calls", 0) + 1
        piece = read(self, _size)
        die_at("at the end of storing" if not piece else "in storing" if self.calls == 3 else "")
        return piece

    storage.rows._Source.read = doomed  # type: ignore[method-assign]


def leave_image_key() -> None:
    """Leave every image key where the test finds it: who dies tells nobody."""
    new = incoming.ImageKey.new

    def told() -> Any:
        image_key = new()
        (FOLDER / f"key {os.getpid()}").write_text(image_key.text)
        return image_key

    incoming.ImageKey.new = told


def plant() -> None:
    """Put the fault points into the steps of an upload."""
    around(web.routes.drop, "read_body", "reading the body")
    around(incoming, "examined", "examining")
    around(incoming.RowSeal, "seal", "sealing")
    around(services.quota, "reserve", "reserving room")
    around(writer, "insertion", "writing the row")
    around(storage.rows.RowStore, "put_all", "storing")
    along_the_bytes()
    around(storage.objects.ObjectStore, "put", "putting an object")
    around(storage.objects.ObjectStore, "delete", "deleting an object")
    around(storage.objects.ObjectStore, "empty", "emptying a slot of objects")
    around(web.routes.drop, "receipt_response", "answering")
    leave_image_key()


plant()

if __name__ == "__main__":
    server.main()
