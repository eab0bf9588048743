"""The settings of Mayfly, and the only reader of the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal

from environment import RATE_LIMITS, READERS, ConfigError
from units import RateLimit, usable_memory, usable_processors

VERSION: str = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text())["project"]["version"]
LONGEST_LIFETIME = 30 * 86400
LARGEST_IMAGE = 256 * 2**20
NOTICE_BEHIND_PROXIES = 2
EMBEDDED_CONNECTIONS = 2
"""The most connections of a process to the embedded PostgreSQL: more were no faster, and each takes 7 MB."""
MOST_WORKERS = 16
"""The most workers if WORKERS is not set: so many need less than 100 connections, PostgreSQL's default limit."""
MEMORY_OF_A_WORKER = 384 * 2**20
"""The memory in bytes of one worker under load with images of 20 MiB, with its sandboxes and its share of
PostgreSQL."""


def usual_workers(processors: int, memory: int) -> int:
    """Return the default of WORKERS for a machine; ``memory`` is in bytes."""
    return max(1, min(processors, MOST_WORKERS, memory // MEMORY_OF_A_WORKER))


@dataclass(frozen=True)
class Config:
    """All settings, read and checked; they don't change while the process runs."""

    database_url: str | None = field(default=None, repr=False)
    shards: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The URLs of the databases for images, by their names; if empty, images are in the database of accounts."""
    shards_before: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The same for the list that was valid before."""
    data_dir: Path = Path("var")
    bind: tuple[str, int] = ("127.0.0.1", 5000)
    workers: int = field(default_factory=lambda: usual_workers(usable_processors(), usable_memory()))
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
    survive_crash: bool = True
    """Whether images survive a crash of PostgreSQL; if not, their sealed bytes are never in its WAL."""
    purge_interval: int = 10
    open_catalog: bool = False
    accept_no_jail: bool = False
    drain: int = 10
    drain_notice: int | None = None
    log_format: str = "text"
    log_level: str = "info"
    log_addresses: bool = False
    abuse_contact: str | None = None
    operator_name: str | None = None
    operator_words: str | None = None
    cors_origins: tuple[str, ...] = field(default_factory=tuple)
    metrics_bind: tuple[str, int] | None = None
    uploads: Literal["open", "code", "account", "closed"] = "open"
    upload_codes: tuple[tuple[str, str], ...] = field(default_factory=tuple, repr=False)
    """Pairs of a name and a code, as they were at the start."""
    upload_codes_file: Path | None = None
    """The file with the codes; it is read again when it changes."""
    upload_networks: tuple[IPv4Network | IPv6Network, ...] = field(default_factory=tuple)
    registration: Literal["open", "code", "closed"] = "open"
    rate_limits: Mapping[str, RateLimit] = field(default_factory=lambda: RATE_LIMITS)
    rate_limit_storage_url: str | None = field(default=None, repr=False)
    ciphertext_store: Literal["rows", "s3"] = "rows"
    s3_bucket_name: str | None = None
    s3_endpoint_url: str | None = None
    aws_region: str = "us-east-1"
    aws_access_key_id: str | None = None
    aws_secret_access_key: str | None = field(default=None, repr=False)
    s3_from_bytes: int = 256 * 1024
    s3_expiry: Literal["sweep", "swift", "seaweedfs"] = "sweep"
    s3_filer_url: str | None = None
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    """The names that are set in the environment, so that messages can name the setting that was used."""

    @property
    def home_url(self) -> str | None:
        """The URL of the database of accounts, by default the first shard; None for the embedded database."""
        return self.database_url or next(iter(self.shards.values()), None)

    @property
    def database_settings(self) -> str:
        """The names of the settings that name the database, for messages."""
        if self.shards:
            return "SHARDS"
        if not self.database_url:
            return "DATA_DIR"
        family = "POSTGRES_USER" in self.given and not self.given & {"DATABASE_URL", "DATABASE_URL_FILE"}
        return "HOST and POSTGRES_*" if family else "DATABASE_URL"

    @property
    def server_key_setting(self) -> str:
        """The name of the setting that holds the server keys or names their folder, for messages."""
        return next((name for name in ("SECRET_KEYS", "SECRET_KEYS_FILE") if name in self.given), "DATA_DIR")

    @property
    def connections(self) -> int:
        """The most connections in the pool of one process: one for each thread, and one for the purge.

        To the embedded PostgreSQL they are fewer.
        """
        wanted = self.threads + 1
        return wanted if self.home_url else min(wanted, EMBEDDED_CONNECTIONS)

    @property
    def notice(self) -> int:
        """How long a server announces its end after SIGTERM, in seconds; by default 0, unless it is behind a proxy."""
        if self.drain_notice is None:
            return NOTICE_BEHIND_PROXIES if self.trusted_proxies else 0
        return self.drain_notice

    @property
    def bytes_in_flight(self) -> int:
        """How many bytes of images one process may hold in memory at a time."""
        return self.max_bytes_in_flight or 2 * self.max_image_bytes

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the settings from the environment; an empty value counts as not set. Raises ConfigError."""
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
            raise ConfigError(
                "MAX_LIFETIME is over 30d; Mayfly keeps images for a limited time: set it to 30d or less"
            )
        if self.max_image_bytes > LARGEST_IMAGE:
            raise ConfigError(
                "MAX_IMAGE_BYTES is over 256MiB; images are held in memory: set it to 256MiB or less"
            )
        for name in ("MAX_BYTES_PER_CLIENT", "MAX_BYTES_PER_OWNER"):
            most = getattr(self, name.lower())
            if most and most < 2 * self.max_image_bytes:
                raise ConfigError(
                    f"{name} is less than twice MAX_IMAGE_BYTES; an image takes more storage than its size, so the"
                    " largest ones might never be stored: raise it, lower MAX_IMAGE_BYTES, or set it off"
                )
        if self.max_bytes_in_flight is not None and self.max_bytes_in_flight < self.max_image_bytes:
            raise ConfigError(
                "MAX_BYTES_IN_FLIGHT is less than MAX_IMAGE_BYTES; no image of that size could be uploaded: raise it"
            )
        if self.metrics_bind == self.bind:
            raise ConfigError(
                "METRICS_BIND is the same as BIND; metrics are not public, so give them another port"
            )
        if self.shards_before and not self.shards:
            raise ConfigError("SHARDS_BEFORE is the list before SHARDS, which is not set: set it, too")
        self._check_gate()
        self._check_bucket()

    def _check_gate(self) -> None:
        asking = [
            name
            for name, mode in (("UPLOADS", self.uploads), ("REGISTRATION", self.registration))
            if mode == "code"
        ]
        if asking and not self.upload_codes:
            raise ConfigError(
                f"{asking[0]}=code needs an upload code, and there is none: set UPLOAD_CODES=NAME:CODE"
            )
        if self.uploads == "open" and (self.upload_networks or (self.upload_codes and not asking)):
            name = "UPLOAD_NETWORKS" if self.upload_networks else "UPLOAD_CODES"
            raise ConfigError(
                f"{name} is set, and UPLOADS=open asks nobody for a code: set UPLOADS=code, or leave {name} out"
            )

    def _check_bucket(self) -> None:
        known = self.s3_bucket_name and self.aws_access_key_id and self.aws_secret_access_key
        if self.ciphertext_store == "s3" and not known:
            raise ConfigError(
                "CIPHERTEXT_STORE=s3 needs a bucket: set S3_BUCKET_NAME, AWS_ACCESS_KEY_ID and"
                " AWS_SECRET_ACCESS_KEY, and S3_ENDPOINT_URL where it is not Amazon's"
            )
        if (self.s3_expiry == "seaweedfs") != (self.s3_filer_url is not None):
            raise ConfigError("S3_EXPIRY=seaweedfs and S3_FILER_URL need each other: set both or neither")
