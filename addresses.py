"""Parsers of the addresses of servers, networks, proxies and people; each raises ValueError that shows the form."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import SplitResult, urlsplit

_TRUSTED_HOST = re.compile(r"(\.?[a-z0-9_-]+)(\.[a-z0-9_-]+)*", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)
_HOST = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]"
_CONTACT = re.compile(
    rf"mailto:[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@{_HOST}|https://{_HOST}(:[0-9]{{1,5}})?(/[a-z0-9._~/?=&%+-]*)?",
    re.ASCII | re.IGNORECASE,
)

_SHARD = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


def parse_proxies(text: str) -> tuple[int, bool]:
    """Parse the number of trusted proxies, and whether they write ``Forwarded``; raises ValueError."""
    number, _, field = text.partition(" ")
    if not re.fullmatch(r"\d|10", number, re.ASCII) or field.lower() not in {"", "forwarded"}:
        raise ValueError(
            "write how many proxies there are, from 0 to 10, such as 1, or 1 forwarded where they write the field"
            " Forwarded in place of X-Forwarded-For"
        )
    return int(number), bool(field)


def parse_valkey_url(text: str) -> str:
    """Parse the URL of a Valkey or Redis, and write it as its client takes it; raises ValueError."""
    scheme, _, rest = text.partition("://")
    parts = urlsplit(f"//{rest}")
    if scheme not in {"redis", "rediss", "valkey"} or not _is_port(parts) or not parts.hostname:
        raise ValueError("write redis://:PASSWORD@HOST:6379/0, rediss:// for TLS, or valkey://")
    return f"{scheme.replace('valkey', 'redis')}://{rest}"


def parse_bind(text: str) -> tuple[str, int]:
    """Parse the address and the port to listen on, ``HOST:PORT``; raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("write HOST:PORT, for example 127.0.0.1:5000")
    return host.strip("[]"), int(port)


def parse_base_url(text: str) -> str:
    """Parse the URL that clients see, and remove a slash at its end; raises ValueError."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("write the address that clients see, for example https://drop.example.org")
    return text.rstrip("/")


def parse_service_url(text: str) -> str:
    """Parse the URL of a service, without a path, and remove a slash at its end; raises ValueError."""
    parts = urlsplit(text)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or not _is_port(parts)
        or "@" in parts.netloc
    ):
        raise ValueError("write an address such as http://127.0.0.1:8333")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("write the address alone, such as http://127.0.0.1:8333, without a path")
    return text.rstrip("/")


def parse_bucket(text: str) -> str:
    """Parse a bucket's name by the rules of S3; raises ValueError.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
    """
    if not _BUCKET.fullmatch(text):
        raise ValueError("a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens")
    return text


def parse_contact(text: str) -> str:
    """Parse the contact for complaints, a mailto: or an https: URL; raises ValueError."""
    if not _CONTACT.fullmatch(text):
        raise ValueError("write mailto:abuse@example.org, or an address such as https://example.org/abuse")
    return text


def parse_hosts(text: str) -> tuple[str, ...]:
    """Parse host names; ``.example.org`` stands for this name and all its subdomains. Raises ValueError."""
    names = tuple(text.lower().replace(",", " ").split())
    if not all(_TRUSTED_HOST.fullmatch(name) for name in names):
        raise ValueError(
            "write host names without a port such as drop.example.org, or .example.org for it and all its subdomains,"
            " separated by spaces"
        )
    return names


def parse_origins(text: str) -> tuple[str, ...]:
    """Parse origins as browsers send them (RFC 6454); raises ValueError."""
    return tuple(_origin(origin) for origin in text.replace(",", " ").split())


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text.lower()):
        raise ValueError(
            "write exact origins such as https://app.example.org, separated by spaces; no path, no *"
        )
    return text.lower()


def parse_networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Parse networks in CIDR notation (RFC 4632), and single addresses; raises ValueError."""
    try:
        return tuple(map(ip_network, text.replace(",", " ").split()))
    except ValueError:
        raise ValueError(
            "write networks such as 192.0.2.0/24 or 2001:db8::/32, no bit set behind the prefix, separated by spaces"
        ) from None


def parse_host(text: str) -> str:
    """Parse a database's host: a name, an address, or the folder of a Unix socket; raises ValueError."""
    bare = text.strip("[]")
    if bare.count(":") > 1:
        return f"[{bare}]"
    if not text.startswith("/") and set(text) & set(":/@?#, "):
        raise ValueError(
            "write a name or an address, its port as POSTGRES_PORT, or the folder of a Unix socket"
        )
    return text


def parse_database_url(text: str) -> str:
    """Parse the URL of a PostgreSQL, with one or several hosts as libpq allows, and write it as SQLAlchemy takes it.

    Raises ValueError. https://www.postgresql.org/docs/current/libpq-connect.html, "Connection URIs"
    """
    scheme, _, rest = text.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg2"} or not rest:
        raise ValueError(
            "write postgresql://USER:PASSWORD@HOST/DATABASE; Mayfly needs PostgreSQL 15 or newer"
        )
    # urlsplit refuses an IPv6 address beside other hosts, from Python 3.14 on.
    before, _, fragment = rest.partition("#")
    before, _, query = before.partition("?")
    authority, slash, path = before.partition("/")
    login, _, hosts = authority.rpartition("@")
    several = [urlsplit(f"//{host}") for host in hosts.split(",")]
    wrong_host = any(host.netloc.endswith(":") or not _is_port(host) for host in several)
    if "@" in login or fragment or wrong_host:
        raise ValueError(
            "a port is a number up to 65535; in a password write %40 for @, %2F for /, %23 for #"
        )
    if len(several) == 1:
        return f"postgresql+psycopg2://{rest}"
    if not all(host.hostname for host in several):
        raise ValueError("write several hosts as postgresql://USER:PASSWORD@ONE:5432,TWO:5432/DATABASE")
    names = ",".join(str(host.hostname) for host in several)
    ports = ",".join(str(host.port or "") for host in several)
    query = "&".join(filter(None, (f"host={names}&port={ports}", query)))
    return f"postgresql+psycopg2://{login}@{slash}{path}?{query}"


def parse_shards(text: str) -> dict[str, str]:
    """Parse named databases, ``a=URL b=URL``, each URL as ``parse_database_url`` does; raises ValueError."""
    pairs = [item.partition("=") for item in text.split()]
    names = [name for name, _, _ in pairs]
    if not pairs or not all(map(_SHARD.fullmatch, names)):
        raise ValueError(
            "write NAME=postgresql://USER:PASSWORD@HOST/DATABASE for each database, separated by spaces; a name has"
            " lower-case letters, digits, - and _, and begins with a letter"
        )
    shards = {name: parse_database_url(url) for name, _, url in pairs}
    if len(shards) < len(names) or len(set(shards.values())) < len(names):
        raise ValueError("a name or a database is used twice; write each once")
    return shards


def _is_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False
