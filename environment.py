"""How each setting is read from the environment, strictly; the settings themselves are in config.py."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from addresses import (
    parse_base_url,
    parse_bind,
    parse_bucket,
    parse_contact,
    parse_database_url,
    parse_host,
    parse_hosts,
    parse_networks,
    parse_origins,
    parse_proxies,
    parse_service_url,
    parse_shards,
    parse_valkey_url,
)
from units import (
    Rate,
    RateLimit,
    one_line,
    one_of,
    or_off,
    parse_duration,
    parse_rate_limits,
    parse_size,
    parse_upload_codes,
    parse_yes_or_no,
    whole_number,
)

T = TypeVar("T")
MOST_IMAGES = 10**6
"""The largest allowed quota of images for one client or owner, since an upload may have to count all of its images."""
SECRETS = (
    "DATABASE_URL",
    "POSTGRES_PASSWORD",
    "SHARDS",
    "SHARDS_BEFORE",
    "SECRET_KEYS",
    "RATE_LIMIT_STORAGE_URL",
    "UPLOAD_CODES",
    "AWS_SECRET_ACCESS_KEY",
)
"""Settings whose value may be in a file instead, which the setting NAME_FILE names."""
RATE_LIMITS = {
    "uploads": RateLimit(Rate(300, 60), Rate(3_000, 60)),
    "opens": RateLimit(Rate(1_200, 60), Rate(30_000, 60)),
    "conversions": RateLimit(Rate(120, 60), Rate(1_200, 60)),
    "passwords": RateLimit(Rate(30, 60), Rate(1_200, 60)),
    "logins": RateLimit(Rate(120, 60), Rate(1_200, 60)),
    "registrations": RateLimit(Rate(60, 3600), Rate(600, 3600)),
    "cleanup": RateLimit(Rate(60, 60), Rate(300, 60)),
    "receipts": RateLimit(Rate(3_000, 60), Rate(30_000, 60)),
}
"""The default rate limits; docs/decisions/0070-rate-limits.md says how the figures were chosen."""


class ConfigError(Exception):
    """A setting is wrong, or doesn't work here; the message names it and says what to do."""


COUNTS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable in which prometheus_client finds the folder of the processes' counts. Not a setting: a start sets it."""


def may_be_flask_db() -> bool:
    """Tell whether this may be ``flask db``, by a variable that ``flask`` sets, and the words of the command line."""
    return "FLASK_RUN_FROM_CLI" in os.environ and "db" in sys.argv


def share_counts_in(folder: Path) -> None:
    """Set the folder of the counts for prometheus_client, in this process and its later children."""
    os.environ[COUNTS_FOLDER] = str(folder)


def folder_of_counts() -> Path:
    """Return the folder of the counts that ``share_counts_in`` has set."""
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
    """Return a secret, from NAME or from the file that NAME_FILE names, and which of the two was set; "" for none."""
    file = f"{name}_FILE"
    if name in env and file in env:
        raise ConfigError(f"{name} and {file} are both set; keep one of them")
    if file not in env:
        return env.get(name, ""), name
    try:
        text = Path(env[file]).read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{file} names a file that can't be read: {why}") from None
    if not text.strip():
        raise ConfigError(f"{file} names an empty file; write the secret into it")
    return text, file


def _secret_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    return tuple(Path(env[f"{name}_FILE"]) for name in SECRETS if f"{name}_FILE" in env)


def _database(env: Mapping[str, str]) -> str | None:
    """Read DATABASE_URL, or HOST and POSTGRES_* as flask-image-storage has them; the database is named as the user."""
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


def _shards(setting: str) -> Callable[[Mapping[str, str]], dict[str, str] | None]:
    def read(env: Mapping[str, str]) -> dict[str, str] | None:
        text, name = _secret(env, setting)
        return _parsed(name, text, parse_shards) if text else None

    return read


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


def _s3_endpoint(env: Mapping[str, str]) -> str | None:
    """Read S3_ENDPOINT_URL, or LOCALSTACK_ENDPOINT_URL, its name in image-api."""
    name = "S3_ENDPOINT_URL" if "S3_ENDPOINT_URL" in env else "LOCALSTACK_ENDPOINT_URL"
    return _setting(name, parse_service_url)(env)


READERS: Mapping[str, Reader] = {
    "secret_files": _secret_files,
    "database_url": _database,
    "shards": _shards("SHARDS"),
    "shards_before": _shards("SHARDS_BEFORE"),
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
    "survive_crash": _setting("SURVIVE_CRASH", parse_yes_or_no),
    "purge_interval": _setting("PURGE_INTERVAL", or_off(parse_duration)),
    "open_catalog": _setting("OPEN_CATALOG", parse_yes_or_no),
    "accept_no_jail": _setting("ACCEPT_NO_JAIL", parse_yes_or_no),
    "log_format": _setting("LOG_FORMAT", one_of("text", "json")),
    "log_level": _setting("LOG_LEVEL", one_of("debug", "info", "warning", "error")),
    "log_addresses": _setting("LOG_ADDRESSES", parse_yes_or_no),
    "abuse_contact": _setting("ABUSE_CONTACT", parse_contact),
    "operator_name": _setting("OPERATOR_NAME", one_line(60)),
    "operator_words": _setting("OPERATOR_WORDS", one_line(300)),
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
    "ciphertext_store": _setting("CIPHERTEXT_STORE", one_of("rows", "s3")),
    "s3_bucket_name": _setting("S3_BUCKET_NAME", parse_bucket),
    "s3_endpoint_url": _s3_endpoint,
    "aws_region": _setting("AWS_REGION", parse_host),
    "aws_access_key_id": _setting("AWS_ACCESS_KEY_ID", one_line(200)),
    "aws_secret_access_key": lambda env: _secret(env, "AWS_SECRET_ACCESS_KEY")[0] or None,
    "s3_from_bytes": _setting("S3_FROM_BYTES", parse_size),
    "s3_expiry": _setting("S3_EXPIRY", one_of("sweep", "swift", "seaweedfs")),
    "s3_filer_url": _setting("S3_FILER_URL", parse_service_url),
    "given": frozenset,
}
