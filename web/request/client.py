"""The client of a request, by its address, for everything that is counted by client."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from flask import Request

IPV6_PREFIX = 64
"""The smallest network that a provider gives to one household: https://www.rfc-editor.org/rfc/rfc6177"""
NOBODY = "unknown"
"""Stands for every client whose address can't be read: one that came by a Unix socket, say."""
ADDRESS = "mayfly.address"
"""Where the environ of a request has its client's address, once it was read."""
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IPV4 = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}", re.ASCII)
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d+)?|([\d.]+):\d+", re.ASCII)
"""An address as some proxies write it: RFC 7239, section 6."""


def address_of(request: Request) -> IPv4Address | IPv6Address | None:
    """Return the client's address, an IPv4 one also where a socket of IPv6 took it; None for one that can't be read.

    TRUSTED_PROXIES has been taken into account before: ``forwarded.behind_proxies``. It is read once a request.
    """
    environ = request.environ
    if ADDRESS not in environ:
        environ[ADDRESS] = _read(request.remote_addr or "")
    address: IPv4Address | IPv6Address | None = environ[ADDRESS]
    return address


def _read(remote: str) -> IPv4Address | IPv6Address | None:
    with_port = _WITH_PORT.fullmatch(remote)
    bare = (with_port[1] or with_port[2] or "") if with_port else remote
    try:
        address = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def client_of(request: Request) -> str:
    """Return the client's IPv4 address, or the /64 network of its IPv6 address; as ``address_of``."""
    remote: str = request.environ.get("REMOTE_ADDR") or ""
    if _IPV4.fullmatch(remote):  # as nearly every address is, which then needs no object
        return remote
    address = address_of(request)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, IPV6_PREFIX), strict=False))
    return str(address or NOBODY)
