"""Which hosts Mayfly answers to.

A page may point its own name at this server's address (DNS rebinding) and is then of one origin with it; so a name that
anybody can register counts only where a setting names it. docs/decisions/0025-hosts-and-origins.md says more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

from flask import Flask, request

from config import Config
from web.answer.errors import BadRequest

NOBODYS = ("localhost", "local", "internal", "home.arpa")
"""Names that nobody can register, and so are those below them: RFC 6761, 6762, 8375, and ICANN's .internal."""
LONGEST = 253 + len(":65535")
"""The longest name that DNS has, and a port."""
_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]{2,45})\]|(?P<name>(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63})\.?)(?::[0-9]{1,5})?",
    re.IGNORECASE | re.ASCII,
)
Refusal = tuple[str, str, int]
MALFORMED: Refusal = (
    "bad_host",
    "Send exactly one Host header: a name or an address, and a port if need be, such as localhost:5000.",
    400,
)
FOREIGN: Refusal = (
    "foreign_host",
    "Mayfly doesn't answer to the host of this request; if it is yours, put it into TRUSTED_HOSTS or BASE_URL.",
    421,
)


class Hosts:
    """Judges the Host of a request; a verdict is kept, since the same few hosts come again and again."""

    def __init__(self, base_url: str | None, trusted: Sequence[str]) -> None:
        own = urlsplit(base_url or "").hostname
        self._exact = {own, *trusted}
        below = (*NOBODYS, *(name[1:] for name in trusted if name.startswith(".")))
        self._endings = tuple(f".{name}" for name in below)
        self._judge = lru_cache(64)(self._judged)

    def check(self, values: Sequence[str]) -> None:
        """Raise BadRequest unless ``values``, every Host that a request has, are a single one that is believed."""
        refusal = self._judge(values[0]) if len(values) == 1 else MALFORMED
        if refusal is not None:
            raise BadRequest(*refusal)

    def believes(self, values: Sequence[str]) -> bool:
        """Tell whether ``check`` would let a request through."""
        return len(values) == 1 and self._judge(values[0]) is None

    def _judged(self, host: str) -> Refusal | None:
        found = _HOST.fullmatch(host[: LONGEST + 1])
        if len(host) > LONGEST or found is None or (found["v6"] and not _is(IPv6Address, found["v6"])):
            return MALFORMED
        name = (found["name"] or "").lower()
        believed = "." not in name or name in self._exact or f".{name}".endswith(self._endings)
        return None if believed or _is(IPv4Address, name) else FOREIGN


def register_hosts(app: Flask, config: Config) -> None:
    """Refuse every request whose Host is not believed, on every route; behind proxies, the one they tell, too."""
    hosts = Hosts(config.base_url, config.trusted_hosts)

    @app.before_request
    def check_host() -> None:
        environ = request.environ
        # A header that came more than once is joined by commas here, and no host has one.
        hosts.check([environ.get("HTTP_HOST", "")])
        if "werkzeug.proxy_fix.orig" in environ:
            hosts.check([environ["werkzeug.proxy_fix.orig"]["HTTP_HOST"] or ""])


def _is(kind: type[IPv4Address | IPv6Address], text: str) -> bool:
    try:
        kind(text)
    except AddressValueError:
        return False
    return True
