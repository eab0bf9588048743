"""Settings are read strictly: what can't be read stops the start and says why, without repeating a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url

from config import Config, usual_workers
from database import engine_options
from environment import RATE_LIMITS, READERS, SECRETS, ConfigError
from tests.processes import ROOT
from units import Rate, RateLimit, usable_memory, usable_processors


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
        (
            "DATABASE_URL",
            "postgresql://u:p%40@/d?host=one:5432&host=two:5433",
            "database_url",
            "postgresql+psycopg2://u:p%40@/d?host=one:5432&host=two:5433",
        ),
        (
            "DATABASE_URL",
            "postgresql://u:p%40@one:5432,[::1],two:5433/d?sslmode=require",
            "database_url",
            "postgresql+psycopg2://u:p%40@/d?host=one,::1,two&port=5432,,5433&sslmode=require",
        ),
        ("DATA_DIR", "/srv/mayfly", "data_dir", Path("/srv/mayfly")),
        ("BIND", "0.0.0.0:80", "bind", ("0.0.0.0", 80)),
        ("BIND", "[::1]:5000", "bind", ("::1", 5000)),
        ("WORKERS", "3", "workers", 3),
        ("THREADS", "16", "threads", 16),
        ("BASE_URL", "https://drop.example.org/", "base_url", "https://drop.example.org"),
        (
            "TRUSTED_HOSTS",
            "Drop.example.org, .example.net a_b",
            "trusted_hosts",
            ("drop.example.org", ".example.net", "a_b"),
        ),
        ("RATE_LIMITS", "off", "rate_limits", {}),
        (
            "RATE_LIMITS",
            "uploads=5/minute,70/hour  opens=off cleanup=2/day logins=3/second,off",
            "rate_limits",
            RATE_LIMITS
            | {
                "uploads": RateLimit(Rate(5, 60), Rate(70, 3600)),
                "opens": RateLimit(None, None),
                "cleanup": RateLimit(Rate(2, 86400), RATE_LIMITS["cleanup"].in_all),
                "logins": RateLimit(Rate(3, 1), None),
            },
        ),
        ("RATE_LIMIT_STORAGE_URL", "valkey://:a@h:6380/1", "rate_limit_storage_url", "redis://:a@h:6380/1"),
        ("RATE_LIMIT_STORAGE_URL", "rediss://h", "rate_limit_storage_url", "rediss://h"),
        ("TRUSTED_PROXIES", "1", "trusted_proxies", 1),
        ("TRUSTED_PROXIES", "1", "proxies_write_forwarded", False),
        ("TRUSTED_PROXIES", "2 forwarded", "trusted_proxies", 2),
        ("TRUSTED_PROXIES", "2 Forwarded", "proxies_write_forwarded", True),
        ("SECRET_KEYS", "a, b c", "secret_keys", ("a", "b", "c")),
        ("LIFETIME", "90s", "lifetime", 90),
        ("MAX_LIFETIME", "1d", "max_lifetime", 86400),
        ("MAX_IMAGE_BYTES", "5MiB", "max_image_bytes", 5 * 2**20),
        ("MAX_PIXELS", "1000000", "max_pixels", 1_000_000),
        ("MAX_IMAGES_PER_CLIENT", "50", "max_images_per_client", 50),
        ("MAX_BYTES_PER_CLIENT", "40MiB", "max_bytes_per_client", 40 * 2**20),
        ("MAX_IMAGES_PER_OWNER", "off", "max_images_per_owner", 0),
        ("MAX_BYTES_PER_OWNER", "off", "max_bytes_per_owner", 0),
        ("S3_ENDPOINT_URL", "http://127.0.0.1:8333/", "s3_endpoint_url", "http://127.0.0.1:8333"),
        ("LOCALSTACK_ENDPOINT_URL", "http://localstack:4566", "s3_endpoint_url", "http://localstack:4566"),
        ("S3_BUCKET_NAME", "image-storage-bucket", "s3_bucket_name", "image-storage-bucket"),
        ("AWS_REGION", "eu-central-1", "aws_region", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test", "aws_access_key_id", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test", "aws_secret_access_key", "test"),
        ("S3_FROM_BYTES", "1MiB", "s3_from_bytes", 2**20),
        ("S3_EXPIRY", "swift", "s3_expiry", "swift"),
        ("CIPHERTEXT_STORE", "rows", "ciphertext_store", "rows"),
        ("PURGE_INTERVAL", "1m", "purge_interval", 60),
        ("PURGE_INTERVAL", "off", "purge_interval", 0),
        ("SURVIVE_CRASH", "false", "survive_crash", False),
        ("OPEN_CATALOG", "true", "open_catalog", True),
        ("OPEN_CATALOG", "False", "open_catalog", False),
        ("ACCEPT_NO_JAIL", "true", "accept_no_jail", True),
        ("DRAIN", "1m", "drain", 60),
        ("DRAIN_NOTICE", "5s", "drain_notice", 5),
        ("DRAIN_NOTICE", "off", "notice", 0),
        ("TRUSTED_PROXIES", "1", "notice", 2),
        ("LOG_FORMAT", "JSON", "log_format", "json"),
        ("LOG_LEVEL", "warning", "log_level", "warning"),
        ("LOG_ADDRESSES", "true", "log_addresses", True),
        ("UPLOADS", "closed", "uploads", "closed"),
        ("UPLOADS", "account", "uploads", "account"),
        ("REGISTRATION", "closed", "registration", "closed"),
        ("ABUSE_CONTACT", "mailto:abuse@example.org", "abuse_contact", "mailto:abuse@example.org"),
        ("ABUSE_CONTACT", "https://Example.org/abuse?a=b", "abuse_contact", "https://Example.org/abuse?a=b"),
        ("OPERATOR_NAME", " Pond e.V. ", "operator_name", "Pond e.V."),
        ("OPERATOR_WORDS", "w" * 300, "operator_words", "w" * 300),
        ("CORS_ORIGINS", "https://a.example.org", "cors_origins", ("https://a.example.org",)),
        ("METRICS_BIND", "[::1]:9105", "metrics_bind", ("::1", 9105)),
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
        ("SHARDS", "postgresql://u:hunter2@h/d"),
        ("SHARDS", "A=postgresql://u:hunter2@h/d"),
        ("SHARDS", "a=postgresql://u:hunter2@h/d a=postgresql://u:hunter2@h/e"),
        ("SHARDS", "a=postgresql://u:hunter2@h/d b=postgresql://u:hunter2@h/d"),
        ("SHARDS", "a=postgresql://u:hunter2@h/d b=mysql://h/d"),
        ("SHARDS_BEFORE", "a=postgresql://u:hunter2@h/d"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "postgresql://"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:five/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:0/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:70000/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@[::1/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@one:5432,two:70000/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@one:5432,,two:5432/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@one,two:/d"),
        ("DATABASE_URL", "postgresql://u:hunter2/@h/d"),
        ("DATABASE_URL", "postgresql://u:1#hunter2@h/d"),
        ("DATABASE_URL", "postgresql://u:@hunter2@h/d"),
        ("BIND", "5000"),
        ("BIND", "host:0"),
        ("BIND", "host:70000"),
        ("OPEN_CATALOG", "yes"),
        ("ACCEPT_NO_JAIL", "1"),
        ("DRAIN", "off"),
        ("LOG_FORMAT", "xml"),
        ("LOG_LEVEL", "loud"),
        ("LOG_ADDRESSES", "1"),
        ("ABUSE_CONTACT", "abuse@example.org"),
        ("ABUSE_CONTACT", "mailto:abuse"),
        ("ABUSE_CONTACT", "mailto:abuse@localhost"),
        ("ABUSE_CONTACT", "mailto:a@example.org?subject=b"),
        ("ABUSE_CONTACT", "mailto:a@example.org,b@example.org"),
        ("ABUSE_CONTACT", "http://example.org/abuse"),
        ("ABUSE_CONTACT", "https://me@example.org/"),
        ("ABUSE_CONTACT", 'https://example.org/"onclick'),
        ("ABUSE_CONTACT", "https://example.org/abuse#form"),
        ("ABUSE_CONTACT", "javascript:alert(1)"),
        ("ABUSE_CONTACT", "https://example.org/\nContact: mailto:a@example.org"),
        ("OPERATOR_NAME", "n" * 61),
        ("OPERATOR_NAME", " "),
        ("OPERATOR_WORDS", "one line\nand another"),
        ("OPERATOR_WORDS", "turned \u202e round"),
        ("CORS_ORIGINS", "*"),
        ("METRICS_BIND", "9105"),
        ("METRICS_BIND", "127.0.0.1:0"),
        ("CORS_ORIGINS", "https://*.example.org"),
        ("CORS_ORIGINS", "a.example.org"),
        ("CORS_ORIGINS", "https://a.example.org/"),
        ("CORS_ORIGINS", "https://a.example.org null"),
        ("WORKERS", "0"),
        ("WORKERS", "many"),
        ("THREADS", "-1"),
        ("BASE_URL", "drop.example.org"),
        ("BASE_URL", "https://a/?b"),
        ("TRUSTED_HOSTS", "*"),
        ("TRUSTED_HOSTS", "*.example.org"),
        ("TRUSTED_HOSTS", "example.org:443"),
        ("TRUSTED_HOSTS", "https://example.org"),
        ("TRUSTED_HOSTS", "drop..example.org"),
        ("RATE_LIMITS", "on"),
        ("RATE_LIMITS", "uploads"),
        ("RATE_LIMITS", "uploads=5"),
        ("RATE_LIMITS", "uploads=0/minute"),
        ("RATE_LIMITS", "uploads=5/fortnight"),
        ("RATE_LIMITS", "uploads=5/minute,"),
        ("RATE_LIMITS", "uploads=5/minute,x"),
        ("RATE_LIMITS", "uploads=5/minute uploads=6/minute"),
        ("RATE_LIMITS", "downloads=5/minute"),
        ("RATE_LIMIT_STORAGE_URL", "memcached://hunter2"),
        ("RATE_LIMIT_STORAGE_URL", "redis://:hunter2@"),
        ("RATE_LIMIT_STORAGE_URL", "redis://:hunter2@h:port"),
        ("RATE_LIMIT_STORAGE_URL_FILE", "/nowhere/hunter2"),
        ("TRUSTED_PROXIES", "yes"),
        ("TRUSTED_PROXIES", "11"),
        ("TRUSTED_PROXIES", "forwarded"),
        ("TRUSTED_PROXIES", "1 x-forwarded-for"),
        ("SECRET_KEYS_FILE", "/nowhere/hunter2"),
        ("LIFETIME", "five"),
        ("LIFETIME", "0"),
        ("LIFETIME", "2h"),
        ("MAX_LIFETIME", "31d"),
        ("MAX_IMAGE_BYTES", "20 megabytes"),
        ("MAX_IMAGE_BYTES", "1GiB"),
        ("MAX_PIXELS", "0"),
        ("PURGE_INTERVAL", "never"),
        ("UPLOADS", "shut"),
        ("REGISTRATION", "account"),
        ("UPLOAD_CODES", "hunter2hunter2"),
        ("UPLOAD_CODES", "friends:hunter2"),
        ("UPLOAD_CODES", "fri ends:hunter2hunter2"),
        ("UPLOAD_CODES", "friends:hunter2:hunter2"),
        ("UPLOAD_CODES", "a:hunter2hunter2 a:hunter2hunter3"),
        ("UPLOAD_CODES", "a:hunter2hunter2 b:hunter2hunter2"),
        ("UPLOAD_CODES", " ".join(f"n{number}:hunter2hunter2{number}" for number in range(201))),
        ("UPLOAD_CODES", ","),
        ("UPLOAD_NETWORKS", "192.0.2.1/24"),
        ("UPLOAD_NETWORKS", "office"),
        ("MAX_IMAGES_PER_CLIENT", "0"),
        ("MAX_IMAGES_PER_OWNER", "none"),
        ("MAX_BYTES_PER_CLIENT", "39MiB"),
        ("MAX_BYTES_PER_OWNER", "20MiB"),
        ("CIPHERTEXT_STORE", "disk"),
        ("CIPHERTEXT_STORE", "s3"),
        ("S3_ENDPOINT_URL", "127.0.0.1:8333"),
        ("S3_ENDPOINT_URL", "http://me:hunter2@h:8333"),
        ("S3_ENDPOINT_URL", "http://h:8333/bucket"),
        ("S3_BUCKET_NAME", "My_Bucket"),
        ("S3_EXPIRY", "never"),
        ("S3_EXPIRY", "seaweedfs"),
        ("S3_FILER_URL", "http://127.0.0.1:8888"),
        ("S3_FROM_BYTES", "some"),
        ("AWS_SECRET_ACCESS_KEY_FILE", "/nowhere/hunter2"),
    ],
)
def test_a_value_that_can_t_be_read_stops_the_start(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as stopped:
        Config.from_env({name: value})
    assert "hunter2" not in str(stopped.value)


def test_the_workers_are_as_many_as_the_processors_that_may_be_used(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    membership.write_text("3:cpu,cpuacct:/elsewhere\n0::/system.slice/mayfly.service\n")
    group = tmp_path / "system.slice" / "mayfly.service"
    group.mkdir(parents=True)
    affinity = len(os.sched_getaffinity(0))
    for quota, above, usable in (
        ("max 100000", "max 100000", affinity),
        ("50000 100000", "max 100000", 1),
        ("100000 100000", "max 100000", 1),
        ("9900000 100000", "100000 100000", 1),
        ("9900000 100000", None, affinity),
    ):
        (group / "cpu.max").write_text(f"{quota}\n")
        (group.parent / "cpu.max").unlink(missing_ok=True)
        if above:
            (group.parent / "cpu.max").write_text(f"{above}\n")
        assert usable_processors(tmp_path, membership) == usable
    assert usable_processors(tmp_path, tmp_path / "none") == affinity


def test_the_memory_is_what_the_machine_and_the_control_groups_allow(tmp_path: Path) -> None:
    membership = tmp_path / "membership"
    membership.write_text("9:cpu,memory:/docker/abc\n0::/system.slice/mayfly.service\n")
    machine = usable_memory(tmp_path, tmp_path / "none")
    assert machine == usable_memory(tmp_path, membership)
    new, old = tmp_path / "system.slice" / "mayfly.service", tmp_path / "memory" / "docker" / "abc"
    for group in (new, old):
        group.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    (new / "memory.max").write_text("max\n")
    assert usable_memory(tmp_path, membership) == machine
    (new.parent / "memory.max").write_text(f"{512 << 20}\n")
    assert usable_memory(tmp_path, membership) == 512 << 20
    (old / "memory.limit_in_bytes").write_text(f"{256 << 20}\n")
    assert usable_memory(tmp_path, membership) == 256 << 20


@pytest.mark.parametrize(
    ("processors", "megabytes", "workers"),
    [(2, 256, 1), (2, 490, 1), (2, 960, 2), (1, 9000, 1), (64, 99_000, 16)],
)
def test_a_small_machine_has_few_workers(processors: int, megabytes: int, workers: int) -> None:
    assert usual_workers(processors, megabytes << 20) == workers


def test_a_process_on_one_processor_has_one_worker() -> None:
    script = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
    script += "from config import Config; print(Config().workers)"
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert told.stdout == "1\n"


def test_a_machine_of_many_processors_asks_for_no_more_connections_than_postgresql_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(96), raising=False)
    config = Config.from_env({})
    assert config.workers * (config.threads + 1) < 97


@pytest.mark.parametrize(
    ("settings", "connections"),
    [
        ({}, 2),
        ({"THREADS": "1"}, 2),
        ({"DATABASE_URL": "postgresql://h/d"}, 5),
        ({"SHARDS": "a=postgresql://h/d"}, 5),
    ],
)
def test_a_process_has_few_connections_to_the_embedded_database(
    settings: dict[str, str], connections: int
) -> None:
    assert Config.from_env(settings).connections == connections


def test_the_family_of_settings_of_flask_image_storage() -> None:
    named = {"POSTGRES_USER": "me", "POSTGRES_PASSWORD": "p@ss/word"}
    assert Config.from_env(named).database_url == "postgresql+psycopg2://me:p%40ss%2Fword@localhost:5432/me"
    more = named | {"HOST": "db", "POSTGRES_DB": "images", "POSTGRES_PORT": "5433"}
    assert Config.from_env(more).database_url == "postgresql+psycopg2://me:p%40ss%2Fword@db:5433/images"
    assert (
        Config.from_env(more | {"DATABASE_URL": "postgresql://h/d"}).database_url
        == "postgresql+psycopg2://h/d"
    )


def test_the_first_shard_has_the_accounts_unless_a_database_is_named() -> None:
    shards = {"SHARDS": " b=postgres://h/b  a=postgresql://h/a", "SHARDS_BEFORE": "b=postgresql://h/b"}
    config = Config.from_env(shards)
    assert config.shards == {"b": "postgresql+psycopg2://h/b", "a": "postgresql+psycopg2://h/a"}
    assert config.shards_before == {"b": config.shards["b"]}
    assert (config.home_url, config.database_settings) == (config.shards["b"], "SHARDS")
    named = Config.from_env(shards | {"DATABASE_URL": "postgresql://h/d"})
    assert named.home_url == "postgresql+psycopg2://h/d"
    assert "://h/b" not in repr(config)


def test_a_host_of_that_family_is_read_strictly() -> None:
    url = "postgresql+psycopg2://me@[::1]:5432/me"
    for host in ("::1", "[::1]"):
        assert Config.from_env({"POSTGRES_USER": "me", "HOST": host}).database_url == url
    for host in ("db:5433", "one,two", "me@db", "db/x"):
        with pytest.raises(ConfigError, match="HOST can't be read"):
            Config.from_env({"POSTGRES_USER": "me", "HOST": host})


@pytest.mark.parametrize(
    ("name", "text", "attribute", "read"),
    [
        ("SECRET_KEYS", "newest\nolder\n", "secret_keys", ("newest", "older")),
        ("SECRET_KEYS", "newest, older", "secret_keys", ("newest", "older")),
        (
            "UPLOAD_CODES",
            "a:0123456789ab\nb:0123456789ac\n",
            "upload_codes",
            (("a", "0123456789ab"), ("b", "0123456789ac")),
        ),
        ("DATABASE_URL", "postgresql://h/d\n", "database_url", "postgresql+psycopg2://h/d"),
        ("POSTGRES_PASSWORD", "p@ss\n", "database_url", "postgresql+psycopg2://me:p%40ss@localhost:5432/me"),
    ],
)
def test_a_secret_may_stand_in_a_file(
    tmp_path: Path, name: str, text: str, attribute: str, read: object
) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    env = {"POSTGRES_USER": "me", "UPLOADS": "closed", f"{name}_FILE": str(file)}
    assert getattr(Config.from_env(env), attribute) == read
    with pytest.raises(ConfigError, match=f"{name} and {name}_FILE are both set"):
        Config.from_env(env | {name: "a"})


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "content", [None, b"", b"\n \n", b"\xff\xfe"], ids=["none", "empty", "blank", "no text"]
)
def test_a_file_without_a_secret_stops_the_start(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "hunter2").write_bytes(content)
    with pytest.raises(ConfigError, match=f"{name}_FILE names") as stopped:
        Config.from_env({"POSTGRES_USER": "me", f"{name}_FILE": str(tmp_path / "hunter2")})
    assert "hunter2" not in str(stopped.value)


@pytest.mark.parametrize("text", [",", " ", " , ,"])
def test_a_list_of_keys_without_a_key_stops_the_start(tmp_path: Path, text: str) -> None:
    """It would start with a key of its own, and open nothing that was sealed before."""
    (tmp_path / "keys").write_text(f"{text},")
    for env in ({"SECRET_KEYS": text}, {"SECRET_KEYS_FILE": str(tmp_path / "keys")}):
        with pytest.raises(ConfigError, match="holds no key"):
            Config.from_env(env)


CODES = {"UPLOAD_CODES": "friends:hunter2hunter2, cron-job:h.u~n-t_er2222"}


def test_upload_codes_and_networks_are_read() -> None:
    env = CODES | {"UPLOADS": "code", "UPLOAD_NETWORKS": "192.0.2.0/24, 2001:db8::/32 ::1"}
    config = Config.from_env(env)
    assert config.upload_codes == (("friends", "hunter2hunter2"), ("cron-job", "h.u~n-t_er2222"))
    assert list(map(str, config.upload_networks)) == ["192.0.2.0/24", "2001:db8::/32", "::1/128"]
    assert "hunter2" not in repr(config)


@pytest.mark.parametrize("name", ["UPLOADS", "REGISTRATION"])
def test_who_asks_for_a_code_must_have_one(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}=code needs an upload code, and there is none"):
        Config.from_env({name: "code"})
    assert Config.from_env(CODES | {name: "code"}).upload_codes


@pytest.mark.parametrize("env", [CODES, {"UPLOAD_NETWORKS": "192.0.2.0/24"}], ids=["codes", "networks"])
def test_a_gate_that_stands_open_by_mistake_stops_the_start(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="UPLOADS=open asks nobody for a code") as stopped:
        Config.from_env(env)
    assert "hunter2" not in str(stopped.value)
    for mode in ("account", "closed"):
        assert Config.from_env(env | {"UPLOADS": mode}).uploads == mode


def test_no_secret_shows_in_a_repr() -> None:
    env = {"DATABASE_URL": "postgresql://u:hunter2@h/d", "SECRET_KEYS": "hunter3"}
    assert "hunter" not in repr(Config.from_env(env))


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u@one:5432,two:5433/d",
        "postgresql://u@/d?host=one:5432&host=two:5433",
        "postgresql://u@/d?host=one,two&port=5432,5433",
    ],
)
def test_several_hosts_reach_the_driver_however_they_are_written(text: str) -> None:
    url = Config.from_env({"DATABASE_URL": text}).database_url
    _, told = create_engine(str(url)).dialect.create_connect_args(make_url(str(url)))
    assert (told["host"], told["port"], told["dbname"]) == ("one,two", "5432,5433", "d")
    assert engine_options(Config(), str(url))["connect_args"]["target_session_attrs"] == "read-write"


def test_what_a_url_says_of_a_connection_counts() -> None:
    url = "postgresql+psycopg2://h/d?connect_timeout=9&keepalives_idle=60"
    told = engine_options(Config(), str(url))["connect_args"]
    assert not {"connect_timeout", "keepalives_idle"} & set(told)
    assert told["tcp_user_timeout"] == 14_000
