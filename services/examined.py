"""Examines an uploaded image, and refuses it if the operator has blocked it, with or without its metadata."""

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
    """Return the result of ``imaging.examine`` for the ``number``-th image of an upload.

    With ``keep_metadata`` the image is also examined without its metadata and compared with the list of blocked images,
    if anything is blocked: with other metadata, a blocked image would have another SHA-256. Raises ImageBlocked, Later,
    Overloaded, DatabaseAway and the errors of ``imaging.examine``.
    """
    look = partial(examine, data, limits, turn=partial(turn, PROOFS))
    with STEP_SECONDS.timed("examine"):
        if keep_metadata and orders.any_blocked():
            cleaned = once(("cleaned", number), lambda: sha256(look(keep_metadata=False)[1]).digest())
            orders.check_digest(cleaned)
        picture, image = look(keep_metadata=keep_metadata)
    return picture, image
