"""The databases, and which of them an image is in: its row key says so.

docs/decisions/0101-shards.md has the reasons.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TypeVar

from sqlalchemy import Connection, Engine

from crypto import ImageKey
from services.breaker import Breaker
from services.clock import DatabaseClock
from services.database import autocommit
from services.errors import DatabaseAway, ImageGone
from services.rendezvous import Rendezvous

T = TypeVar("T")
Databases = Mapping[str, str]
"""The URLs of databases by their names."""


class Shard:
    """One database: its name, its connections, and its clock."""

    def __init__(self, name: str, engine: Engine, breaker: Breaker | None = None) -> None:
        self.name = name
        self.engine = engine
        self.clock = DatabaseClock(engine)
        self._breaker = breaker

    @property
    def away(self) -> bool:
        """Whether it is known to be away; one database alone never is."""
        return self._breaker is not None and self._breaker.away

    def connection(self) -> AbstractContextManager[Connection]:
        """Lend a connection, each of whose statements is a transaction of its own; raises DatabaseAway."""
        return autocommit(self.engine)

    def answers(self) -> bool:
        """Ask it whether it is still away."""
        return self._breaker is None or self._breaker.answers()


Named = Mapping[str, Shard]
"""Shards by the names that a list gives them."""


class Shards:
    """Every database: ``images`` are those that images are in, ``home`` has the accounts; they may be one and the same.

    An image is written to the one that its row key belongs to by the newest list, and looked for there and where the
    list before had it.
    """

    def __init__(self, newest: Named, before: Named, home: Shard) -> None:
        self._newest = tuple(newest.values())
        self._choices = [Rendezvous(named) for named in (newest, before) if named]
        self.home = home
        self.images = tuple(dict.fromkeys([*newest.values(), *before.values()]))
        self.all = tuple(dict.fromkeys([home, *self.images]))

    @classmethod
    def one(cls, engine: Engine) -> Shards:
        """Everything is in one database."""
        shard = Shard("home", engine)
        return cls({shard.name: shard}, {}, shard)

    @classmethod
    def several(
        cls, home: tuple[str, Engine], newest: Databases, before: Databases, connect: Callable[[str], Engine]
    ) -> Shards:
        """Make a shard for each URL, so that lists that name the same database share its connections."""
        url, engine = home
        names = {its: name for name, its in [("home", url), *before.items(), *newest.items()]}
        made: dict[str, Shard] = {}
        for each, name in names.items():
            its = engine if each == url else connect(each)
            made[each] = Shard(name, its, Breaker(name, its))
        now, then = ({name: made[its] for name, its in named.items()} for named in (newest, before))
        return cls(now, then, made[url])

    def each(self, do: Callable[[Shard], T]) -> dict[Shard, T]:
        """Do something on each database that answers; raises DatabaseAway where none does."""
        done = {}
        for shard in self.all:
            with suppress(DatabaseAway):
                done[shard] = do(shard)
        if not done:
            raise DatabaseAway
        return done

    def dispose(self) -> None:
        """Close every connection that is not in use."""
        for shard in self.all:
            shard.engine.dispose()

    def connections_used(self) -> int:
        """Tell how many connections are in use, to all databases together."""
        return sum(shard.engine.pool.checkedout() for shard in self.all)  # type: ignore[attr-defined]

    def of(self, row_key: bytes) -> Shard:
        """Return the shard that an image of this row key is written to."""
        return self._choices[0].choose(row_key)

    def where(self, row_key: bytes) -> Sequence[Shard]:
        """Return the shards that an image of this row key may be in, the likelier one first."""
        if len(self.images) == 1:
            return self.images
        return tuple(dict.fromkeys(each.choose(row_key) for each in self._choices))

    def search(self, row_key: bytes, look: Callable[[Shard], T]) -> T:
        """Return what ``look`` returns where the image of this row key is; it raises ImageGone where the image isn't.

        Raises ImageGone, and DatabaseAway where the image may be in a database that doesn't answer.
        """
        missing: ImageGone | DatabaseAway = ImageGone()
        for shard in self.where(row_key):
            try:
                return look(shard)
            except DatabaseAway as error:
                missing = error
            except ImageGone:
                pass
        raise missing

    def draw(self, on: Collection[Shard] = ()) -> ImageKey:
        """Draw an image key whose image goes to one of the given shards, or to any that isn't known to be away."""
        wanted = on or [shard for shard in self._newest if not shard.away] or self._newest
        while True:
            image_key = ImageKey.new()
            if len(wanted) == len(self._newest) or self.of(image_key.link.row_key) in wanted:
                return image_key

    def others(self, tried: Collection[Shard]) -> Iterator[Shard]:
        """Return the other shards that take uploads, in any order; those known to be away come last, if they answer."""
        rest = [shard for shard in self._newest if shard not in tried]
        random.shuffle(rest)
        away = [shard for shard in rest if shard.away]
        yield from (shard for shard in rest if shard not in away)
        yield from (shard for shard in away if shard.answers())
