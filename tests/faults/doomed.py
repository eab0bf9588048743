"""``python app.py`` with fault points: a worker that is told so kills itself at one step of an upload.

A file named after the step, with the worker's process id in it, tells it; the last image key is left beside it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

import server
import services.drop
import services.room
import storage.rows
import web.share

drop: Any = services.drop

FOLDER = Path(os.environ["FAULT_FOLDER"])


def die_at(step: str) -> None:
    """End this process at once, if it was told to end here."""
    order = FOLDER / step
    if order.exists() and order.read_text() == str(os.getpid()):
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


def halfway(owner: Any, name: str, step: str) -> None:
    """Put a fault point where a function is called for the second time within an upload."""
    function: Callable[..., Any] = getattr(owner, name)

    def doomed(self: Any, *arguments: Any) -> Any:
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls == 2:
            die_at(f"in {step}")
        return function(self, *arguments)

    setattr(owner, name, doomed)


def leave_image_key() -> None:
    """Leave every image key where the test finds it: who dies tells nobody."""
    new = drop.ImageKey.new

    def told() -> Any:
        image_key = new()
        (FOLDER / f"key {os.getpid()}").write_text(image_key.text)
        return image_key

    drop.ImageKey.new = told


def around_commit() -> None:
    """Put a fault point before and after the commit of the transaction that stores the image."""
    transaction = drop.transaction

    @contextmanager
    def doomed(engine: Engine) -> Iterator[Any]:
        with transaction(engine) as connection:
            yield connection
            die_at("before commit")
        die_at("after commit")

    drop.transaction = doomed

    @event.listens_for(Engine, "commit")
    def begin(_: Any) -> None:
        die_at("in commit")


def plant() -> None:
    """Put the fault points into the steps of an upload."""
    around(web.share, "read_body", "reading the body")
    around(drop, "recognise", "recognising")
    around(drop, "prove", "proving")
    around(drop.RowSeal, "seal", "sealing")
    around(services.room, "reserve", "reserving room")
    around(drop, "insert_image", "inserting the row")
    around(storage.rows.RowStore, "put", "storing the bytes")
    halfway(storage.rows._Source, "read", "storing the bytes")
    around(web.share, "receipt_response", "answering")
    around_commit()
    leave_image_key()


plant()

if __name__ == "__main__":
    server.main()
