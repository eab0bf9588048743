"""Over how many connections a request came: of the others granian refused what they said, or they said nothing."""

from __future__ import annotations

from collections import OrderedDict

from front.sockets import Address
from services import counts

MOST_KNOWN = 4096
"""How many connections are known: twice as many as a process has at once, so that each that is open is among them."""


class Newcomers:
    """Counts each connection at its first request, known by its client's address and port."""

    def __init__(self) -> None:
        self._known: OrderedDict[Address, None] = OrderedDict()

    def note(self, client: Address) -> None:
        """Note that a request came from there."""
        if client in self._known:
            self._known.move_to_end(client)
            return
        self._known[client] = None
        counts.HEARD.add()
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
