"""Images that have expired: real ones, uploaded into chosen slots to live a while, whose expiry is then moved."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection

import embedded
from app import create_app
from benchmarks.images import noise_jpeg
from config import Config
from models import SLOTS, ciphertexts, db, slot_of
from models.ciphertext import SHORTEST_SPAN

MEGABYTE = 1_000_000
UPLOADERS = 4
FIRST = 900  # seconds ahead: what a load generator uploads meanwhile lives for 300, and is not among them


def administrator(data_dir: Path) -> connection:
    """A connection of the embedded server's superuser, who may ask for a checkpoint."""
    url = embedded.url(data_dir).replace("postgresql+psycopg2://mayfly@", "postgresql://postgres@")
    base = psycopg2.connect(url)
    base.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
    return base


class Images:
    """Puts images of 1 MB into slots that nobody else uses, by Mayfly's upload; the database has to run."""

    def __init__(self, data_dir: Path) -> None:
        self.config = Config(data_dir=data_dir, purge_interval=0)
        self.app = create_app(self.config)
        self.base = administrator(data_dir)
        self._jpeg = noise_jpeg(MEGABYTE)
        self._next = 0

    def fill(self, count: int, slots: int) -> list[int]:
        """Upload so many images spread evenly over so many slots, which are named."""
        ends = [self._end(self._next + turn) for turn in range(slots)]
        self._next = (self._next + slots) % 64
        with ThreadPoolExecutor(UPLOADERS) as pool:
            list(pool.map(self._upload, (ends[turn * slots // count] for turn in range(count))))
        return [slot_of(end, self.config.max_lifetime) for end in ends]

    def _end(self, turn: int) -> int:
        """The middle of a span: an upload that reaches the database a second later is still in it."""
        span = (int(time.time()) + FIRST) // SHORTEST_SPAN + turn
        return span * SHORTEST_SPAN + SHORTEST_SPAN // 2

    def _upload(self, end: int) -> None:
        answer = self.app.test_client().post(f"/upload?lifetime={end - int(time.time())}", data=self._jpeg)
        if answer.status_code != 201:
            raise SystemExit(f"an upload was answered with {answer.status_code}: {answer.text}")

    def expire(self, slots: list[int], seconds: float = 0) -> None:
        """Have all images of the slots expire so many seconds from now."""
        with self.base.cursor() as cursor:
            cursor.execute(
                "UPDATE images SET expires_at = now() + make_interval(secs => %s),"
                " created_at = now() - interval '5 minutes' WHERE slot = ANY(%s)",
                (seconds, slots),
            )

    def settle(self, checkpoint: bool = True) -> None:
        """Take away what the making left behind, and have everything on disk."""
        with self.base.cursor() as cursor:
            cursor.execute("VACUUM images")
            if checkpoint:
                cursor.execute("CHECKPOINT")

    def filled(self) -> list[int]:
        """The slots whose tables take room."""
        with self.base.cursor() as cursor:
            cursor.execute("SELECT pg_relation_size(name) > 0 FROM unnest(%s) AS name", (TABLES,))
            return [slot for slot, (takes_room,) in enumerate(cursor.fetchall()) if takes_room]

    def close(self) -> None:
        self.base.close()
        with self.app.app_context():
            db.engine.dispose()


TABLES = [ciphertexts(slot) for slot in range(SLOTS)]
