"""Which client a request comes from, for what is counted by client."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from flask import Request

IPV6_PREFIX = 64
"""What one household is given at the least: https://www.rfc-editor.org/rfc/rfc6177"""
NOBODY = "unknown"
"""Stands for every client whose address can't be read: one that came by a Unix socket, say."""


def client_of(request: Request) -> str:
    """Return the client's IPv4 address, or the /64 network of its IPv6 address.

    TRUSTED_PROXIES has been taken into account before: ``in_flight.behind_proxies``.
    """
    try:
        address = ip_address((request.remote_addr or "").partition("%")[0])
    except ValueError:
        return NOBODY
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Network((address, IPV6_PREFIX), strict=False))
