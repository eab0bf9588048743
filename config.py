"""The settings of Mayfly, and the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import quote

from units import (
    Rate,
    RateLimit,
    one_of,
    or_off,
    parse_base_url,
    parse_bind,
    parse_contact,
    parse_database_url,
    parse_duration,
    parse_host,
    parse_hosts,
    parse_networks,
    parse_origins,
    parse_proxies,
    parse_rate_limits,
    parse_size,
    parse_upload_codes,
    parse_valkey_url,
    parse_yes_or_no,
    usable_processors,
    whole_number,
)

T = TypeVar("T")
LONGEST_LIFETIME = 30 * 86400
LARGEST_IMAGE = 256 * 2**20
MOST_IMAGES = 10**6
"""Of one client or owner: they are counted at each of its uploads."""
NOTICE_BEHIND_PROXIES = 2
MOST_WORKERS = 16
"""Where WORKERS is not set: so many stay under the hundred connections that PostgreSQL allows as it comes."""
SECRETS = ("DATABASE_URL", "POSTGRES_PASSWORD", "SECRET_KEYS", "RATE_LIMIT_STORAGE_URL", "UPLOAD_CODES")
"""Settings that a file may hold instead: NAME_FILE says where."""

RATE_LIMITS = {
    "uploads": RateLimit(Rate(300, 60), Rate(3_000, 60)),
    "opens": RateLimit(Rate(1_200, 60), Rate(30_000, 60)),
    "conversions": RateLimit(Rate(120, 60), Rate(1_200, 60)),
    "passwords": RateLimit(Rate(30, 60), Rate(1_200, 60)),
    "logins": RateLimit(Rate(120, 60), Rate(1_200, 60)),
    "registrations": RateLimit(Rate(60, 3600), Rate(600, 3600)),
    "cleanup": RateLimit(Rate(60, 60), Rate(300, 60)),
}
"""What clients may do; docs/decisions/0070-rate-limits.md says how the figures were chosen."""


class ConfigError(Exception):
    """A setting that can't be read; the message names it and says how to mend it."""


@dataclass(frozen=True)
class Config:
    """Every setting, read and checked; frozen, so that what started is what runs."""

    database_url: str | None = field(default=None, repr=False)
    data_dir: Path = Path("var")
    bind: tuple[str, int] = ("127.0.0.1", 5000)
    workers: int = field(default_factory=lambda: min(usable_processors(), MOST_WORKERS))
    threads: int = 4
    base_url: str | None = None
    trusted_hosts: tuple[str, ...] = field(default_factory=tuple)
    trusted_proxies: int = 0
    proxies_write_forwarded: bool = False
    """Whether the trusted proxies write Forwarded (RFC 7239) in place of the X-Forwarded fields."""
    secret_keys: tuple[str, ...] | None = field(default=None, repr=False)
    secret_files: tuple[Path, ...] = ()
    lifetime: int = 300
    max_lifetime: int = 3600
    max_image_bytes: int = 20 * 2**20
    max_pixels: int = 64_000_000
    max_conversion_pixels: int = 40_000_000
    max_stored_bytes: int | None = None
    max_images_per_client: int = 1000
    max_bytes_per_client: int = 2 * 2**30
    max_images_per_owner: int = 1000
    max_bytes_per_owner: int = 2 * 2**30
    max_bytes_in_flight: int | None = None
    purge_interval: int = 10
    open_catalog: bool = False
    accept_no_jail: bool = False
    drain: int = 10
    drain_notice: int | None = None
    log_format: str = "text"
    log_level: str = "info"
    log_addresses: bool = False
    abuse_contact: str | None = None
    cors_origins: tuple[str, ...] = field(default_factory=tuple)
    metrics_bind: tuple[str, int] | None = None
    uploads: Literal["open", "code", "account", "closed"] = "open"
    upload_codes: tuple[tuple[str, str], ...] = field(default_factory=tuple, repr=False)
    """Names and codes as they were at the start."""
    upload_codes_file: Path | None = None
    """Where the codes stand that count from now on."""
    upload_networks: tuple[IPv4Network | IPv6Network, ...] = field(default_factory=tuple)
    registration: Literal["open", "code", "closed"] = "open"
    rate_limits: Mapping[str, RateLimit] = field(default_factory=lambda: RATE_LIMITS)
    rate_limit_storage_url: str | None = field(default=None, repr=False)
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """The names that are set in the environment, so that advice names no other."""

    @property
    def database_settings(self) -> str:
        """Which settings name the database, in the words of whoever set them."""
        if not self.database_url:
            return "DATA_DIR"
        family = "POSTGRES_USER" in self.given and not self.given & {"DATABASE_URL", "DATABASE_URL_FILE"}
        return "HOST and POSTGRES_*" if family else "DATABASE_URL"

    @property
    def server_key_setting(self) -> str:
        """Which setting holds the server keys, or says in which folder they are."""
        return next((name for name in ("SECRET_KEYS", "SECRET_KEYS_FILE") if name in self.given), "DATA_DIR")

    @property
    def connections(self) -> int:
        """The most connections to the database that one process has: one for each thread, and one for the purge."""
        return self.threads + 1

    @property
    def notice(self) -> int:
        """For how many seconds SIGTERM is announced before it is obeyed; where nothing is set, behind a proxy alone."""
        if self.drain_notice is None:
            return NOTICE_BEHIND_PROXIES if self.trusted_proxies else 0
        return self.drain_notice

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
                f"images would live {self.lifetime}s and {self.max_lifetime}s at most: set LIFETIME to MAX_LIFETIME"
                " or less"
            )
        if self.max_lifetime > LONGEST_LIFETIME:
            raise ConfigError("MAX_LIFETIME is over 30d; Mayfly keeps images for a while, not for good")
        if self.max_image_bytes > LARGEST_IMAGE:
            raise ConfigError("MAX_IMAGE_BYTES is over 256MiB; an image is held in memory")
        for name in ("MAX_BYTES_PER_CLIENT", "MAX_BYTES_PER_OWNER"):
            most = getattr(self, name.lower())
            if most and most < 2 * self.max_image_bytes:
                raise ConfigError(
                    f"{name} is under twice MAX_IMAGE_BYTES; an image takes more than its bytes, and so large a one"
                    " might never get in: raise it, lower MAX_IMAGE_BYTES, or set it off"
                )
        if self.max_bytes_in_flight is not None and self.max_bytes_in_flight < self.max_image_bytes:
            raise ConfigError(
                "MAX_BYTES_IN_FLIGHT is under MAX_IMAGE_BYTES; no image of that size would get in"
            )
        if self.metrics_bind == self.bind:
            raise ConfigError(
                "METRICS_BIND is BIND; metrics are not for everybody, so give them another port"
            )
        self._check_gate()

    def _check_gate(self) -> None:
        asking = [
            name
            for name, mode in (("UPLOADS", self.uploads), ("REGISTRATION", self.registration))
            if mode == "code"
        ]
        if asking and not self.upload_codes:
            raise ConfigError(
                f"{asking[0]}=code asks for an upload code, and there is none: set UPLOAD_CODES=NAME:CODE"
            )
        if self.uploads == "open" and (self.upload_networks or (self.upload_codes and not asking)):
            name = "UPLOAD_NETWORKS" if self.upload_networks else "UPLOAD_CODES"
            raise ConfigError(
                f"{name} is set, and UPLOADS=open asks nobody for a code: set UPLOADS=code, or leave {name} out"
            )


COUNTS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client looks for the folder in which processes share their counts. No setting: a start writes it."""


def share_counts_in(folder: Path) -> None:
    """Tell prometheus_client, here and in the processes that come of this one, where counts are shared."""
    os.environ[COUNTS_FOLDER] = str(folder)


def folder_of_counts() -> Path:
    """Return where the processes of this server share their counts, as its main process said."""
    return Path(os.environ[COUNTS_FOLDER])


Reader = Callable[[Mapping[str, str]], object]


def _setting(name: str, parse: Callable[[str], T]) -> Callable[[Mapping[str, str]], T | None]:
    def read(env: Mapping[str, str]) -> T | None:
        return _parsed(name, env[name], parse) if name in env else None

    return read


def _parsed(name: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise ConfigError(f"{name} can't be read: {error}") from None


def _secret(env: Mapping[str, str], name: str) -> tuple[str, str]:
    """A secret, or what is in the file that NAME_FILE names, and which of the two was set; empty where none was."""
    file = f"{name}_FILE"
    if name in env and file in env:
        raise ConfigError(f"{name} and {file} are both set; keep one of them")
    if file not in env:
        return env.get(name, ""), name
    try:
        text = Path(env[file]).read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"{file} names a file that can't be read: {why}") from None
    if not text.strip():
        raise ConfigError(f"{file} names an empty file; write the secret into it")
    return text, file


def _secret_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    return tuple(Path(env[f"{name}_FILE"]) for name in SECRETS if f"{name}_FILE" in env)


def _database(env: Mapping[str, str]) -> str | None:
    """DATABASE_URL, or the POSTGRES_* family of flask-image-storage, which names the database after its user."""
    url, name = _secret(env, "DATABASE_URL")
    if url:
        return _parsed(name, url, parse_database_url)
    if "POSTGRES_USER" not in env:
        return None
    user, (password, _) = env["POSTGRES_USER"], _secret(env, "POSTGRES_PASSWORD")
    host = _setting("HOST", parse_host)(env) or "localhost"
    port = _setting("POSTGRES_PORT", whole_number(1, 65535))(env) or 5432
    database = env.get("POSTGRES_DB", user)
    login = ":".join(quote(part, safe="") for part in (user, password) if part)
    if host.startswith("/"):  # the folder of a Unix socket, as libpq takes it
        return f"postgresql+psycopg2://{login}@/{quote(database, safe='')}?host={quote(host)}&port={port}"
    return f"postgresql+psycopg2://{login}@{host}:{port}/{quote(database, safe='')}"


def _secret_keys(env: Mapping[str, str]) -> tuple[str, ...] | None:
    text, name = _secret(env, "SECRET_KEYS")
    keys = tuple(text.replace(",", " ").split())
    if text and not keys:
        raise ConfigError(f"{name} holds no key; make one with `make key`, or leave the setting out")
    return keys or None


def _upload_codes(env: Mapping[str, str]) -> tuple[tuple[str, str], ...] | None:
    text, name = _secret(env, "UPLOAD_CODES")
    return _parsed(name, text, parse_upload_codes) if text else None


def _rate_limit_storage(env: Mapping[str, str]) -> str | None:
    url, name = _secret(env, "RATE_LIMIT_STORAGE_URL")
    return _parsed(name, url, parse_valkey_url) if url else None


READERS: Mapping[str, Reader] = {
    "secret_files": _secret_files,
    "database_url": _database,
    "data_dir": _setting("DATA_DIR", Path),
    "bind": _setting("BIND", parse_bind),
    "workers": _setting("WORKERS", whole_number(1, 128)),
    "threads": _setting("THREADS", whole_number(1, 64)),
    "base_url": _setting("BASE_URL", parse_base_url),
    "trusted_hosts": _setting("TRUSTED_HOSTS", parse_hosts),
    "trusted_proxies": _setting("TRUSTED_PROXIES", lambda text: parse_proxies(text)[0]),
    "proxies_write_forwarded": _setting("TRUSTED_PROXIES", lambda text: parse_proxies(text)[1]),
    "secret_keys": _secret_keys,
    "lifetime": _setting("LIFETIME", parse_duration),
    "max_lifetime": _setting("MAX_LIFETIME", parse_duration),
    "max_image_bytes": _setting("MAX_IMAGE_BYTES", parse_size),
    "max_pixels": _setting("MAX_PIXELS", whole_number(1, 10**9)),
    "max_conversion_pixels": _setting("MAX_CONVERSION_PIXELS", whole_number(1, 10**9)),
    "max_stored_bytes": _setting("MAX_STORED_BYTES", parse_size),
    "max_images_per_client": _setting("MAX_IMAGES_PER_CLIENT", or_off(whole_number(1, MOST_IMAGES))),
    "max_bytes_per_client": _setting("MAX_BYTES_PER_CLIENT", or_off(parse_size)),
    "max_images_per_owner": _setting("MAX_IMAGES_PER_OWNER", or_off(whole_number(1, MOST_IMAGES))),
    "max_bytes_per_owner": _setting("MAX_BYTES_PER_OWNER", or_off(parse_size)),
    "max_bytes_in_flight": _setting("MAX_BYTES_IN_FLIGHT", parse_size),
    "purge_interval": _setting("PURGE_INTERVAL", or_off(parse_duration)),
    "open_catalog": _setting("OPEN_CATALOG", parse_yes_or_no),
    "accept_no_jail": _setting("ACCEPT_NO_JAIL", parse_yes_or_no),
    "log_format": _setting("LOG_FORMAT", one_of("text", "json")),
    "log_level": _setting("LOG_LEVEL", one_of("debug", "info", "warning", "error")),
    "log_addresses": _setting("LOG_ADDRESSES", parse_yes_or_no),
    "abuse_contact": _setting("ABUSE_CONTACT", parse_contact),
    "drain": _setting("DRAIN", parse_duration),
    "drain_notice": _setting("DRAIN_NOTICE", or_off(parse_duration)),
    "cors_origins": _setting("CORS_ORIGINS", parse_origins),
    "metrics_bind": _setting("METRICS_BIND", parse_bind),
    "uploads": _setting("UPLOADS", one_of("open", "code", "account", "closed")),
    "upload_codes": _upload_codes,
    "upload_codes_file": _setting("UPLOAD_CODES_FILE", Path),
    "upload_networks": _setting("UPLOAD_NETWORKS", parse_networks),
    "registration": _setting("REGISTRATION", one_of("open", "code", "closed")),
    "rate_limits": _setting("RATE_LIMITS", lambda text: parse_rate_limits(text, RATE_LIMITS)),
    "rate_limit_storage_url": _rate_limit_storage,
    "given": frozenset,
}
