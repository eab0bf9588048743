"""What services return to routes contains no row and no key of lower packages, at any depth."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator

import pytest

import services

HANDED_OUT = [
    kind
    for kind in (getattr(services, name) for name in services.__all__)
    if inspect.isclass(kind) and dataclasses.is_dataclass(kind)
]


def classes_in(hint: object) -> Iterator[type]:
    """Yield the classes that a type hint names, and those of their fields."""
    for argument in typing.get_args(hint):
        yield from classes_in(argument)
    if inspect.isclass(hint):
        yield hint
        if dataclasses.is_dataclass(hint):
            for inner in typing.get_type_hints(hint).values():
                yield from classes_in(inner)


@pytest.mark.parametrize("kind", HANDED_OUT, ids=lambda kind: kind.__name__)
def test_nothing_of_the_rooms_below_is_handed_out(kind: type) -> None:
    rooms = {found.__module__.split(".")[0] for found in classes_in(kind)}
    assert rooms.isdisjoint({"models", "crypto", "storage"}), rooms


def test_the_facts_of_images_and_accounts_are_looked_at() -> None:
    assert {services.ImageInfo, services.Receipt, services.Account} <= set(HANDED_OUT)
