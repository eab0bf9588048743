"""The settings of Mayfly, and the only reader of the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit

from units import parse_duration, parse_size

T = TypeVar("T")
LONGEST_LIFETIME = 30 * 86400
LARGEST_IMAGE = 256 * 2**20
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)


class ConfigError(Exception):
    """A setting that can't be read; the message names it and says how to mend it."""


@dataclass(frozen=True)
class Config:
    """Every setting, read and checked; frozen, so that what started is what runs."""

    database_url: str | None = field(default=None, repr=False)
    data_dir: Path = Path("var")
    bind: tuple[str, int] = ("127.0.0.1", 5000)
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    threads: int = 4
    base_url: str | None = None
    trusted_proxies: int = 0
    secret_keys: tuple[str, ...] | None = field(default=None, repr=False)
    lifetime: int = 300
    max_lifetime: int = 3600
    max_image_bytes: int = 20 * 2**20
    max_pixels: int = 64_000_000
    max_stored_bytes: int | None = None
    max_bytes_in_flight: int | None = None
    purge_interval: int = 10
    open_catalog: bool = False
    accept_no_jail: bool = False
    cors_origins: tuple[str, ...] = field(default_factory=tuple)

    @property
    def bytes_in_flight(self) -> int:
        """The most bytes of images that one process holds in memory at a time."""
        return self.max_bytes_in_flight or 2 * self.max_image_bytes

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the environment; an empty value counts as not set. Raises ConfigError at the first bad one."""
        env = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
        given = {attribute: read(env) for attribute, read in READERS.items()}
        config = cls(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        config.check()
        return config

    def check(self) -> None:
        """Raise ConfigError where two settings contradict each other."""
        if self.lifetime > self.max_lifetime:
            raise ConfigError(
                f"LIFETIME ({self.lifetime}s) is over MAX_LIFETIME ({self.max_lifetime}s); lower it"
            )
        if self.max_lifetime > LONGEST_LIFETIME:
            raise ConfigError("MAX_LIFETIME is over 30d; Mayfly keeps images for a while, not for good")
        if self.max_image_bytes > LARGEST_IMAGE:
            raise ConfigError("MAX_IMAGE_BYTES is over 256MiB; an image is held in memory")
        if self.max_bytes_in_flight is not None and self.max_bytes_in_flight < self.max_image_bytes:
            raise ConfigError(
                "MAX_BYTES_IN_FLIGHT is under MAX_IMAGE_BYTES; no image of that size would get in"
            )


Reader = Callable[[Mapping[str, str]], object]


def _setting(name: str, parse: Callable[[str], T]) -> Reader:
    def read(env: Mapping[str, str]) -> T | None:
        if name not in env:
            return None
        try:
            return parse(env[name])
        except ValueError as error:
            raise ConfigError(f"{name} can't be read: {error}") from None

    return read


def _count(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not low <= int(text) <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return int(text)

    return parse


def _bind(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise ValueError("write HOST:PORT, for example 127.0.0.1:5000")
    return host.strip("[]"), int(port)


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise ValueError("write the address that clients see, for example https://drop.example.org")
    return text.rstrip("/")


def _interval(text: str) -> int:
    return 0 if text == "off" else parse_duration(text)


def _yes_or_no(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("write true or false")
    return text.lower() == "true"


def _origins(text: str) -> tuple[str, ...]:
    return tuple(_origin(origin) for origin in text.replace(",", " ").split())


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text.lower()):
        raise ValueError(
            "write exact origins such as https://app.example.org, separated by spaces; no path, no *"
        )
    return text.lower()


def _database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg2"} or not separator:
        raise ValueError(
            "write postgresql://USER:PASSWORD@HOST/DATABASE; Mayfly needs PostgreSQL 15 or newer"
        )
    return f"postgresql+psycopg2://{rest}"


def _database(env: Mapping[str, str]) -> str | None:
    """DATABASE_URL, or the POSTGRES_* family of flask-image-storage, which names the database after its user."""
    if "DATABASE_URL" in env:
        return str(_setting("DATABASE_URL", _database_url)(env))
    if "POSTGRES_USER" not in env:
        return None
    user, password = env["POSTGRES_USER"], env.get("POSTGRES_PASSWORD", "")
    host = env.get("HOST", "localhost")
    port = _setting("POSTGRES_PORT", _count(1, 65535))(env) or 5432
    database = env.get("POSTGRES_DB", user)
    login = ":".join(quote(part, safe="") for part in (user, password) if part)
    if host.startswith("/"):  # the folder of a Unix socket, as libpq takes it
        return f"postgresql+psycopg2://{login}@/{quote(database, safe='')}?host={quote(host)}&port={port}"
    return f"postgresql+psycopg2://{login}@{host}:{port}/{quote(database, safe='')}"


def _secret_keys(env: Mapping[str, str]) -> tuple[str, ...] | None:
    if "SECRET_KEYS" in env and "SECRET_KEYS_FILE" in env:
        raise ConfigError("SECRET_KEYS and SECRET_KEYS_FILE are both set; keep one of them")
    if "SECRET_KEYS" in env:
        return tuple(env["SECRET_KEYS"].replace(",", " ").split())
    if "SECRET_KEYS_FILE" not in env:
        return None
    try:
        return tuple(Path(env["SECRET_KEYS_FILE"]).read_text("ascii").split())
    except (OSError, UnicodeDecodeError):
        raise ConfigError("SECRET_KEYS_FILE can't be read: it names a file with one key a line") from None


READERS: Mapping[str, Reader] = {
    "database_url": _database,
    "data_dir": _setting("DATA_DIR", Path),
    "bind": _setting("BIND", _bind),
    "workers": _setting("WORKERS", _count(1, 128)),
    "threads": _setting("THREADS", _count(1, 64)),
    "base_url": _setting("BASE_URL", _base_url),
    "trusted_proxies": _setting("TRUSTED_PROXIES", _count(0, 10)),
    "secret_keys": _secret_keys,
    "lifetime": _setting("LIFETIME", parse_duration),
    "max_lifetime": _setting("MAX_LIFETIME", parse_duration),
    "max_image_bytes": _setting("MAX_IMAGE_BYTES", parse_size),
    "max_pixels": _setting("MAX_PIXELS", _count(1, 10**9)),
    "max_stored_bytes": _setting("MAX_STORED_BYTES", parse_size),
    "max_bytes_in_flight": _setting("MAX_BYTES_IN_FLIGHT", parse_size),
    "purge_interval": _setting("PURGE_INTERVAL", _interval),
    "open_catalog": _setting("OPEN_CATALOG", _yes_or_no),
    "accept_no_jail": _setting("ACCEPT_NO_JAIL", _yes_or_no),
    "cors_origins": _setting("CORS_ORIGINS", _origins),
}
