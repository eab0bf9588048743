"""An upload is examined, and refused where it is blocked in one of its forms."""

from __future__ import annotations

from functools import partial
from hashlib import sha256

from imaging import Data, Limits, Picture, examine
from services.allowance import once, turn
from services.counts import STEP_SECONDS
from services.expensive import PROOFS
from services.orders import Orders


def examined(
    data: Data, limits: Limits, orders: Orders, number: int, *, keep_metadata: bool
) -> tuple[Picture, Data]:
    """Return what ``imaging.examine`` makes of the ``number``-th image of an upload.

    One that keeps its metadata is compared with the list without them too: with others, a blocked image would be
    another file. That costs a second look where anything is blocked.
    Raises ImageBlocked, Later, Overloaded, DatabaseAway and the errors of ``imaging.examine``.
    """
    look = partial(examine, data, limits, turn=partial(turn, PROOFS))
    with STEP_SECONDS.timed("examine"):
        if keep_metadata and orders.any_blocked():
            cleaned = once(("cleaned", number), lambda: sha256(look(keep_metadata=False)[1]).digest())
            orders.check_digest(cleaned)
        picture, image = look(keep_metadata=keep_metadata)
    return picture, image
