"""What the compose files and the Dockerfile promise about images and secrets; deploy/test asks Docker Compose."""

from __future__ import annotations

import re

from environment import SECRETS
from tests.processes import ROOT

COMPOSE = (ROOT / "docker-compose.yml").read_text()
PINNED = (ROOT / "deploy" / "pinned.yml").read_text()
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$", re.MULTILINE)


def test_each_base_image_is_pinned_by_a_digest() -> None:
    """The pinned file names the same images and tags as those that people start without it."""
    bases = set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    images = re.findall(r"^    image: (\S+)$", COMPOSE, re.MULTILINE)
    wanted = [f"    image: {image}" for image in images]
    wanted += [f"        {base}: docker-image://{base}" for base in bases]
    assert len(DIGEST.findall(PINNED)) == len(wanted) == 3
    assert set(wanted) <= set(DIGEST.sub("", PINNED).splitlines())


def test_each_secret_may_come_as_a_file() -> None:
    """The file of the machine is mounted where the container looks for it, and only where one is named."""
    for secret in set(SECRETS) - {"DATABASE_URL"}:  # the database is the one beside
        name, setting = secret.lower(), f"{secret}_FILE"
        assert f"\n  {name}:\n    file: ${{{setting}:-/dev/null}}\n" in COMPOSE
        assert re.search(rf"      {setting}: (&\w+ )?\${{{setting}:\+/run/secrets/{name}}}\n", COMPOSE)
    assert "\n    secrets: [postgres_password]\n" in COMPOSE
    named = "secret_keys, postgres_password, rate_limit_storage_url, upload_codes, aws_secret_access_key"
    assert f"\n    secrets: [{named}, shards, shards_before]\n" in COMPOSE
    assert "\n      POSTGRES_PASSWORD_FILE: *password_file\n" in COMPOSE
