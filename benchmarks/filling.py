"""Fills a database with living images that our own code has sealed and stored, and keeps their links."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, text

from crypto import ImageKey, RowSeal, ServerKeys, client_tag
from imaging import examine
from models import SLOTS, ImageRow, ciphertexts, insertion, slot_of
from services import Wishes
from services.details import details_of
from services.uploader import PURPOSE
from storage import RowStore
from tests.cast import SERVER_KEY

PICTURE, DATA = examine((Path(__file__).parents[1] / "tests" / "images" / "exif_gps.jpg").read_bytes())
MAX_LIFETIME = 86_400
SHORTEST = 21_600
"""Seconds: what is filled lives for six hours at least, so that a run that was stopped can go on."""
BATCH = 500
OF_AN_ADDRESS = 50
"""As many images came from each client's address."""
_LIVING = text("SELECT count(*) FROM images WHERE expires_at > now() + interval '1 hour'")


def fill(engine: Engine, count: int, links: Path) -> int:
    """Add images until ``count`` live for an hour and more, and their links to a file; return how many were added."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        missing = count - int(connection.execute(_LIVING).scalar_one())
        details = details_of(DATA, PICTURE, Wishes(), None).encode()
        with links.open("a") as file:
            for number in range(0, missing, BATCH):
                now = int(time.time())
                expires_at = random.randint(now + SHORTEST, now + MAX_LIFETIME - 60)
                made = list(_sealed(details, now, expires_at, min(BATCH, missing - number), number))
                before = b";".join(insertion(connection, row, None, tag) for row, tag, *_ in made)
                images = [(row.row_key, pieces) for row, _, pieces, _ in made]
                RowStore().put_all(connection, made[0][0].slot, images, before)
                file.writelines(f"/image/{link}\n" for *_, link in made)
        tables = ", ".join(["images", *map(ciphertexts, range(SLOTS))])
        connection.execute(text(f"VACUUM ANALYZE {tables}"))
    return max(missing, 0)


def _sealed(
    details: bytes, at: int, expires_at: int, count: int, first: int
) -> Iterator[tuple[ImageRow, bytes, list[memoryview], str]]:
    """Seal images that expire together: their rows, tags of clients, sealed bytes and links."""
    keys, slot = ServerKeys.parse([SERVER_KEY]), slot_of(expires_at, MAX_LIFETIME)
    for number in range(first, first + count):
        key = ImageKey.new()
        sealed, pieces = RowSeal.new(key.link, keys, None).seal(details, DATA, at=at, expires_at=expires_at)
        row = ImageRow(
            row_key=key.link.row_key,
            manage_tag=key.manage_tag,
            store=RowStore().name,
            slot=slot,
            size=len(DATA),
            views_left=None,
            created_at=at,
            expires_at=expires_at,
            details=sealed,
        )
        tag = client_tag(keys, f"192.0.2.{number // OF_AN_ADDRESS}", PURPOSE)
        yield row, tag, list(pieces), key.link.text
