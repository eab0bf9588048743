"""What each attack gets: the server's address, the end of the attack, and an object that records its results."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.attack.wire import Answer, ask

PAUSE_SECONDS = 1.0
"""Seconds after which an attacker that was refused or cut off tries again."""
MOST_AT_ONCE = 600

Try = Callable[[], Awaitable[Answer | None]]


@dataclass
class Aim:
    """One attack on one server: ``tried`` counts requests or connections, ``wrong`` names broken promises."""

    port: int
    over: asyncio.Event
    begin: Callable[[], None]
    tried: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask once, and note the status."""
        self.tried += 1
        answer = await ask(self.port, method, path, body, headers)
        self.statuses[str(answer.status or "broken")] += 1
        return answer

    async def upload(self, image: bytes, query: str = "lifetime=10m") -> str:
        """Upload what an attack needs, and return its link."""
        answer = await ask(self.port, "POST", f"/upload?{query}", image)
        if answer.status != 201:
            raise RuntimeError(f"the attack's own picture was refused: {answer.status} {answer.body!r}")
        return answer.body.decode().strip().rsplit("/", 1)[1]

    async def crowd(self, count: int, attempt: Try, *, apart: float = 0.0) -> None:
        """Keep ``count`` attempts going until the attack is over, begun ``apart`` seconds from one another.

        Who is refused or cut off pauses, and tries again.
        """
        assert count <= MOST_AT_ONCE
        self.begin()
        members = [asyncio.ensure_future(self._member(attempt, place * apart)) for place in range(count)]
        await self.over.wait()
        for member in members:
            member.cancel()
        await asyncio.gather(*members, return_exceptions=True)

    async def _member(self, attempt: Try, after: float) -> None:
        await asyncio.sleep(after)
        while True:
            try:
                answer = await attempt()
            except OSError:
                answer = None
            if answer is None or not 200 <= answer.status < 300:
                await asyncio.sleep(PAUSE_SECONDS)

    async def flood(
        self,
        count: int,
        method: str,
        path: str,
        body: Callable[[], bytes] = bytes,
        headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        """Send the same request again and again, ``count`` at once; body and headers are made for each."""
        await self.crowd(count, lambda: self.ask(method, path, body(), headers()))
