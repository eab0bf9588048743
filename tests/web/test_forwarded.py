"""Whose request it is: told by as many proxies as are trusted, and changed by no field that a client writes itself."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import Client

from web import behind_proxies
from web.request.client import NOBODY, client_of

OWN = "192.0.2.1"


def seen(hops: int, forwarded: bool, headers: dict[str, str], remote: str = OWN) -> tuple[str, str]:
    """Return the client and the address that an application sees behind so many proxies."""
    app = Flask(__name__)

    @app.route("/")
    def told() -> list[str]:
        from flask import request

        return [client_of(request), f"{request.scheme}://{request.host}"]

    answered = Client(behind_proxies(app.wsgi_app, hops, forwarded=forwarded)).get(
        "/", headers={"Host": "localhost", **headers}, environ_base={"REMOTE_ADDR": remote}
    )
    assert answered.json is not None
    return tuple(answered.json)


FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "for=6.6.6.6;proto=gopher;host=evil.example",
    "X-Real-IP": "6.6.6.6",
}


def test_without_a_proxy_no_field_is_read() -> None:
    assert seen(0, False, FORGED) == (OWN, "http://localhost")


@pytest.mark.parametrize("hops", [1, 2])
def test_a_client_s_own_fields_change_nothing_behind_proxies_that_add_to_them(hops: int) -> None:
    """Each proxy adds whom it was asked by: the client at 198.51.100.7, then the outer proxy."""
    added = ["198.51.100.7", "192.0.2.2"][:hops]
    for forged in ("6.6.6.6", "6.6.6.6, 7.7.7.7, 8.8.8.8", ""):
        field = ", ".join([*filter(None, [forged]), *added])
        assert seen(hops, False, {**FORGED, "X-Forwarded-For": field})[0] == "198.51.100.7"
    for forged in ("for=6.6.6.6", 'for="6.6.6.6', 'for="', "for=6.6.6.6;by=x, for=7.7.7.7", ";;,=,", ""):
        written = [f'for={address};proto=https;host="drop.example.org"' for address in added]
        field = ", ".join([*filter(None, [forged]), *written])
        assert seen(hops, True, {**FORGED, "Forwarded": field}) == (
            "198.51.100.7",
            "https://drop.example.org",
        )


def test_only_the_field_that_the_proxies_write_is_read() -> None:
    assert seen(1, True, {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.example"}) == (
        OWN,
        "http://localhost",
    )
    assert seen(1, False, {"Forwarded": FORGED["Forwarded"]}) == (OWN, "http://localhost")


def test_what_a_proxy_does_not_tell_stays_as_it_is() -> None:
    assert seen(1, True, {"Forwarded": "by=192.0.2.2"}) == (OWN, "http://localhost")
    assert seen(2, True, {"Forwarded": "for=198.51.100.7"}) == (OWN, "http://localhost")
    assert seen(2, False, {"X-Forwarded-For": "198.51.100.7"})[0] == OWN


@pytest.mark.parametrize(
    ("written", "client"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("198.51.100.7:4711", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3:4:5:6]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::1]:4711", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", NOBODY),
        ("_hidden", NOBODY),
        ("evil", NOBODY),
    ],
)
def test_an_address_counts_however_a_proxy_writes_it(written: str, client: str) -> None:
    assert seen(1, False, {"X-Forwarded-For": written})[0] == client
    assert seen(1, True, {"Forwarded": f'For="{written}"'})[0] == client
    assert seen(0, False, {}, remote=written)[0] == client
