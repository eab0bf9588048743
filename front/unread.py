"""Tracks small answers until clients have read them: Granian accepts them whole, and doesn't report when that is."""

from __future__ import annotations

import time

from front.sockets import Address, find, waiting_bytes
from front.transfer import Transfer

SENT_SECONDS = 0.1
"""How long it may take until an answer that Granian has accepted is in the kernel's buffer."""
LOOK_SHARE = 20
"""At most one part in so many of the event loop's time is spent on looking at all connections."""


class Unread:
    """The last answer of each connection, until the client has read it or sends the next request."""

    def __init__(self) -> None:
        self._answers: dict[Address, Transfer] = {}
        self._next_look = 0.0

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """All answers that may still be unread."""
        return tuple(self._answers.values())

    def add(self, client: Address, answer: Transfer) -> None:
        """Watch an answer from now on; any thread may call this."""
        answer.wait()
        self._answers[client] = answer

    def forget(self, client: Address) -> None:
        """Stop watching the answer of a connection, and give its memory back."""
        answer = self._answers.pop(client, None)
        if answer is not None:
            answer.allowance.close()

    def look(self, now: float) -> None:
        """Forget answers that were read, and note the progress of the others; ``now`` is by time.monotonic()."""
        if not self._answers or now < self._next_look:
            return
        waiting = {client: waiting_bytes(connection) for client, connection in find(self._answers)}
        for client, answer in tuple(self._answers.items()):
            left = waiting.get(client, 0)
            if left != answer.left:
                answer.moved += answer.left - left
                answer.left = left
                answer.wait()
            elif not left and now - answer.begun > SENT_SECONDS:
                self.forget(client)
        self._next_look = now + LOOK_SHARE * (time.monotonic() - now)
