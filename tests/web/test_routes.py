"""How routes are registered."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType

import pytest
from flask import url_for
from werkzeug.routing import Rule

from app import Mayfly
from tests.conftest import MakeApp


def test_no_url_is_built_by_a_route_until_somebody_asks(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    compiled = Rule._get_func_code

    def noted(code: CodeType, name: str) -> Callable[..., tuple[str, str]]:
        built.append(name)
        return compiled(code, name)

    monkeypatch.setattr(Rule, "_get_func_code", staticmethod(noted))
    app: Mayfly = make_app()
    assert built == []
    with app.test_request_context():
        assert url_for("drop.image", name="a b", download=1) == "/image/a%20b?download=1"
    assert built
