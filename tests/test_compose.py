"""What the compose files and the Dockerfile promise about images and secrets; deploy/test asks Docker Compose."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import babel
import pytest
from babel import localedata

from environment import SECRETS
from tests.processes import ROOT
from web.pages.languages import languages

COMPOSE, SCALE, PINNED, PINNED_SCALE = (
    (ROOT / name).read_text()
    for name in (
        "docker-compose.yml",
        "docker-compose.scale.yml",
        "deploy/pinned.yml",
        "deploy/pinned-scale.yml",
    )
)
DOCKERFILE = (ROOT / "Dockerfile").read_text()
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$", re.MULTILINE)


def images(compose: str) -> list[str]:
    return re.findall(r"^    image: .+$", compose, re.MULTILINE)


def test_each_base_image_is_pinned_by_a_digest() -> None:
    """The pinned files name the same images and tags as those that people start without them."""
    bases = set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE))
    wanted = images(COMPOSE) + [f"        {base}: docker-image://{base}" for base in bases]
    assert len(DIGEST.findall(PINNED)) == len(wanted) == 3
    assert set(wanted) <= set(DIGEST.sub("", PINNED).splitlines())
    assert len(DIGEST.findall(PINNED_SCALE)) == len(images(SCALE)) == 2
    assert images(DIGEST.sub("", PINNED_SCALE)) == images(SCALE)


def test_the_image_keeps_what_babel_knows_of_each_language_of_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Dockerfile's own command is run on links to all files, and Babel finds those that it reads."""
    kept = tmp_path / ".venv" / "babel" / "locale-data"
    kept.mkdir(parents=True)
    for file in (Path(babel.__file__).parent / "locale-data").iterdir():
        (kept / file.name).symlink_to(file)
    (tmp_path / "translations").symlink_to(ROOT / "web" / "pages" / "translations")
    found = re.search(r"spoken=.+?xargs rm", DOCKERFILE, re.DOTALL)
    assert found
    subprocess.run(["sh", "-euc", found[0].replace("\\\n", "")], cwd=tmp_path, check=True)
    monkeypatch.setattr(localedata, "_dirname", str(kept))
    monkeypatch.setattr(localedata, "_cache", {})
    for code in languages().values():
        assert localedata.load(code.replace("-", "_"))["unit_patterns"]
    assert len(list(kept.iterdir())) < 300


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
