"""Small answers that clients have not read yet: granian accepts them whole, and doesn't tell when they are read."""

from __future__ import annotations

import time

from front.sockets import Address, find, waiting_bytes
from front.transfer import Transfer

SENT_SECONDS = 0.1
"""How long it may take from handing an answer to granian until the kernel has it."""
LOOK_SHARE = 20
"""Of the event loop's time, at most one part in so many is spent on looking at all connections."""


class Unread:
    """One answer for each connection, until its client has read it or asks for the next."""

    def __init__(self) -> None:
        self._answers: dict[Address, Transfer] = {}
        self._next_look = 0.0

    @property
    def transfers(self) -> tuple[Transfer, ...]:
        """All answers that may still be unread."""
        return tuple(self._answers.values())

    def add(self, client: Address, answer: Transfer) -> None:
        """Look at an answer from now on; any thread may call this."""
        answer.wait()
        self._answers[client] = answer

    def forget(self, client: Address) -> None:
        """Forget the answer of a connection, since its client asks for the next one."""
        answer = self._answers.pop(client, None)
        if answer is not None:
            answer.allowance.close()

    def look(self, now: float) -> None:
        """Forget the answers that were read, and note for which of the others bytes were sent."""
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
