"""Settings are read strictly: what can't be read stops the start and says why, without repeating a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import READERS, Config, ConfigError


def test_nothing_set_is_the_documented_default() -> None:
    config = Config.from_env({})
    assert config == Config()
    assert (config.lifetime, config.max_lifetime, config.purge_interval) == (300, 3600, 10)
    assert (config.bind, config.max_image_bytes, config.max_pixels) == (
        ("127.0.0.1", 5000),
        20 * 2**20,
        64_000_000,
    )
    assert config.database_url is None


def test_an_empty_value_counts_as_not_set() -> None:
    assert Config.from_env({"LIFETIME": "", "DATABASE_URL": "", "SECRET_KEYS": ""}) == Config()


def test_every_field_has_a_reader() -> None:
    assert set(READERS) == set(Config.__dataclass_fields__)


@pytest.mark.parametrize(
    ("name", "value", "attribute", "read"),
    [
        ("DATABASE_URL", "postgres://u:p@h/d", "database_url", "postgresql+psycopg2://u:p@h/d"),
        (
            "DATABASE_URL",
            "postgresql://h/d?sslmode=require",
            "database_url",
            "postgresql+psycopg2://h/d?sslmode=require",
        ),
        ("DATA_DIR", "/srv/mayfly", "data_dir", Path("/srv/mayfly")),
        ("BIND", "0.0.0.0:80", "bind", ("0.0.0.0", 80)),
        ("BIND", "[::1]:5000", "bind", ("::1", 5000)),
        ("WORKERS", "3", "workers", 3),
        ("THREADS", "16", "threads", 16),
        ("BASE_URL", "https://drop.example.org/", "base_url", "https://drop.example.org"),
        ("TRUSTED_PROXIES", "1", "trusted_proxies", 1),
        ("SECRET_KEYS", "a, b c", "secret_keys", ("a", "b", "c")),
        ("LIFETIME", "90s", "lifetime", 90),
        ("MAX_LIFETIME", "1d", "max_lifetime", 86400),
        ("MAX_IMAGE_BYTES", "5MiB", "max_image_bytes", 5 * 2**20),
        ("MAX_PIXELS", "1000000", "max_pixels", 1_000_000),
        ("PURGE_INTERVAL", "1m", "purge_interval", 60),
        ("PURGE_INTERVAL", "off", "purge_interval", 0),
        ("OPEN_CATALOG", "true", "open_catalog", True),
        ("OPEN_CATALOG", "False", "open_catalog", False),
        ("ACCEPT_NO_JAIL", "true", "accept_no_jail", True),
        ("CORS_ORIGINS", "https://a.example.org", "cors_origins", ("https://a.example.org",)),
        (
            "CORS_ORIGINS",
            "https://A.example.org http://localhost:3000, http://[::1]:80",
            "cors_origins",
            ("https://a.example.org", "http://localhost:3000", "http://[::1]:80"),
        ),
    ],
)
def test_a_setting_is_read(name: str, value: str, attribute: str, read: object) -> None:
    assert getattr(Config.from_env({name: value}), attribute) == read


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "hunter2"),
        ("BIND", "5000"),
        ("BIND", "host:0"),
        ("BIND", "host:70000"),
        ("OPEN_CATALOG", "yes"),
        ("ACCEPT_NO_JAIL", "1"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "https://*.example.org"),
        ("CORS_ORIGINS", "a.example.org"),
        ("CORS_ORIGINS", "https://a.example.org/"),
        ("CORS_ORIGINS", "https://a.example.org null"),
        ("WORKERS", "0"),
        ("WORKERS", "many"),
        ("THREADS", "-1"),
        ("BASE_URL", "drop.example.org"),
        ("BASE_URL", "https://a/?b"),
        ("TRUSTED_PROXIES", "yes"),
        ("SECRET_KEYS_FILE", "/nowhere/hunter2"),
        ("LIFETIME", "five"),
        ("LIFETIME", "0"),
        ("LIFETIME", "2h"),
        ("MAX_LIFETIME", "31d"),
        ("MAX_IMAGE_BYTES", "20 megabytes"),
        ("MAX_IMAGE_BYTES", "1GiB"),
        ("MAX_PIXELS", "0"),
        ("PURGE_INTERVAL", "never"),
    ],
)
def test_a_value_that_can_t_be_read_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as stopped:
        Config.from_env({name: value})
    assert "hunter2" not in str(stopped.value)


def test_the_family_of_settings_of_flask_image_storage() -> None:
    named = {"POSTGRES_USER": "me", "POSTGRES_PASSWORD": "p@ss/word"}
    assert Config.from_env(named).database_url == "postgresql+psycopg2://me:p%40ss%2Fword@localhost:5432/me"
    more = named | {"HOST": "db", "POSTGRES_DB": "images", "POSTGRES_PORT": "5433"}
    assert Config.from_env(more).database_url == "postgresql+psycopg2://me:p%40ss%2Fword@db:5433/images"
    assert (
        Config.from_env(more | {"DATABASE_URL": "postgresql://h/d"}).database_url
        == "postgresql+psycopg2://h/d"
    )


def test_server_keys_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("newest\nolder\n")
    assert Config.from_env({"SECRET_KEYS_FILE": str(file)}).secret_keys == ("newest", "older")
    with pytest.raises(ConfigError, match="both"):
        Config.from_env({"SECRET_KEYS_FILE": str(file), "SECRET_KEYS": "a"})


def test_no_secret_shows_in_a_repr() -> None:
    env = {"DATABASE_URL": "postgresql://u:hunter2@h/d", "SECRET_KEYS": "hunter3"}
    assert "hunter" not in repr(Config.from_env(env))
