"""The databases (shards); the row key of an image determines its shard. docs/decisions/0101-shards.md has the
reasons."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TypeVar

from sqlalchemy import Connection, Engine

from crypto import ImageKey
from services.breaker import DatabaseBreaker
from services.clock import DatabaseClock
from services.database import autocommit
from services.errors import DatabaseAway, ImageGone
from services.rendezvous import Rendezvous

T = TypeVar("T")
Databases = Mapping[str, str]
"""URLs of databases by their names."""


class Shard:
    """One database: its name, its connections, and its clock."""

    def __init__(self, name: str, engine: Engine, breaker: DatabaseBreaker | None = None) -> None:
        self.name = name
        self.engine = engine
        self.clock = DatabaseClock(engine)
        self._breaker = breaker

    @property
    def away(self) -> bool:
        """Whether it is known to be away; never, if there is only one database."""
        return self._breaker is not None and self._breaker.away

    def connection(self) -> AbstractContextManager[Connection]:
        """Yield a connection in autocommit; raises DatabaseAway."""
        return autocommit(self.engine)

    def answers(self) -> bool:
        """Ask the database, and tell whether it answers; True, if there is only one."""
        return self._breaker is None or self._breaker.answers()


Named = Mapping[str, Shard]
"""Shards by their names in SHARDS or SHARDS_BEFORE."""


class Shards:
    """All databases: ``images`` are those with images, ``home`` has the accounts, and may be one of ``images``.

    An image is written to the shard of the newest list with the highest HMAC-SHA256(name, row key). That is rendezvous
    hashing (https://en.wikipedia.org/wiki/Rendezvous_hashing). It is looked for there, and then in the shard of the
    list before.
    """

    def __init__(self, newest: Named, before: Named, home: Shard) -> None:
        self._newest = tuple(newest.values())
        self._choices = [Rendezvous(named) for named in (newest, before) if named]
        self.home = home
        self.images = tuple(dict.fromkeys([*newest.values(), *before.values()]))
        self.all = tuple(dict.fromkeys([home, *self.images]))

    @classmethod
    def one(cls, engine: Engine) -> Shards:
        """Return the shards of a service with one database, which has images and accounts."""
        shard = Shard("home", engine)
        return cls({shard.name: shard}, {}, shard)

    @classmethod
    def several(
        cls, home: tuple[str, Engine], newest: Databases, before: Databases, connect: Callable[[str], Engine]
    ) -> Shards:
        """Return the shards of two lists; a database that is in both, even under two names, is one shard."""
        url, engine = home
        names = {its: name for name, its in [("home", url), *before.items(), *newest.items()]}
        made: dict[str, Shard] = {}
        for each, name in names.items():
            its = engine if each == url else connect(each)
            made[each] = Shard(name, its, DatabaseBreaker(name, its))
        now, then = ({name: made[its] for name, its in named.items()} for named in (newest, before))
        return cls(now, then, made[url])

    def each(self, do: Callable[[Shard], T]) -> dict[Shard, T]:
        """Call ``do`` for each shard, and return the results of those that answer; raises DatabaseAway if none does."""
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
        """Return how many connections to all databases together are in use."""
        return sum(shard.engine.pool.checkedout() for shard in self.all)  # type: ignore[attr-defined]

    def of(self, row_key: bytes) -> Shard:
        """Return the shard that an image with this row key is written to."""
        return self._choices[0].choose(row_key)

    def where(self, row_key: bytes) -> Sequence[Shard]:
        """Return the shards that an image with this row key may be in, that of the newest list first."""
        if len(self.images) == 1:
            return self.images
        return tuple(dict.fromkeys(each.choose(row_key) for each in self._choices))

    def search(self, row_key: bytes, look: Callable[[Shard], T]) -> T:
        """Call ``look`` for each shard where the image may be, until it doesn't raise ImageGone; return its result.

        Raises ImageGone if no shard has the image, and DatabaseAway if a shard that may have it doesn't answer.
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
        """Draw an image key whose image belongs to one of the given shards; by default, to any that is not away.

        It draws random keys until one fits.
        """
        wanted = on or [shard for shard in self._newest if not shard.away] or self._newest
        while True:
            image_key = ImageKey.new()
            if len(wanted) == len(self._newest) or self.of(image_key.link.row_key) in wanted:
                return image_key

    def others(self, tried: Collection[Shard]) -> Iterator[Shard]:
        """Yield the shards that were not tried yet, in random order; those known to be away last, if they answer
        again."""
        rest = [shard for shard in self._newest if shard not in tried]
        random.shuffle(rest)
        away = [shard for shard in rest if shard.away]
        yield from (shard for shard in rest if shard not in away)
        yield from (shard for shard in away if shard.answers())
