"""The attacks by their names, in the order of the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.attack.aim import Aim

Act = Callable[[Aim], Awaitable[None]]


@dataclass(frozen=True)
class Attack:
    """An attack: what it does, the settings that it needs, and whether others are served meanwhile.

    ``short`` is true for those that `make test` tries too.
    """

    name: str
    title: str
    act: Act
    settings: Mapping[str, str] = field(default_factory=dict)
    short: bool = False
    others: bool = True


ATTACKS: dict[str, Attack] = {}


def attack(
    name: str, title: str, *, short: bool = False, others: bool = True, **settings: str
) -> Callable[[Act], Act]:
    """Register a function as an attack."""

    def register(act: Act) -> Act:
        ATTACKS[name] = Attack(name, title, act, settings, short, others)
        return act

    return register
