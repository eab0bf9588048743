"""Which of several a key belongs to is what HMAC-SHA256 says."""

from __future__ import annotations

import hmac
from secrets import token_bytes

import pytest

from services.rendezvous import Rendezvous


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "east-1", "long_" * 6, "d"]])
def test_the_choice_is_the_highest_hmac(names: list[str]) -> None:
    chooser = Rendezvous({name: name for name in names})
    for _ in range(200):
        key = token_bytes(32)
        assert chooser.choose(key) == max(
            names,
            key=lambda name: hmac.digest(name.encode(), key, "sha256"),
        )
