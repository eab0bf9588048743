"""How long after its expiry an image's row and its sealed bytes are gone, with nobody asking and default settings."""

import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.images import SIZES, noise_jpeg
from benchmarks.purge_expired import administrator
from benchmarks.subjects import Served
from config import Config
from models import ciphertexts, slot_of
from models.ciphertext import SHORTEST_SPAN

STEP = 3  # seconds between two expiries
PATIENCE = 2 * SHORTEST_SPAN  # seconds after the last expiry
SEEN = """SELECT extract(epoch FROM clock_timestamp()), pg_relation_size(%s),
    (SELECT count(*) FROM images WHERE slot = %s)"""


@dataclass
class Lag:
    """Seconds from an expiry until the row, and the bytes, were gone; one entry an image."""

    rows: list[float] = field(default_factory=list)
    bytes: list[float] = field(default_factory=list)


class Watch(threading.Thread):
    """Uploads images that expire all over one span, the first second of it included, and looks until they are gone.

    Their lifetimes are short, which is no matter to a purge: the span that an expiry falls in is.
    """

    def __init__(self, served: Served, folder: Path) -> None:
        super().__init__()
        self.lag: Lag | None = None
        self._port = served.port
        self._folder = folder

    def run(self) -> None:
        begin = (int(time.time()) + 2) // SHORTEST_SPAN * SHORTEST_SPAN + SHORTEST_SPAN
        ends = list(range(begin, begin + SHORTEST_SPAN, STEP))
        for end in ends:
            upload(self._port, end - int(time.time()))
        slot = slot_of(begin, Config.max_lifetime)
        base = administrator(self._folder)
        lag = Lag()
        with base.cursor() as cursor:
            while len(lag.bytes) < len(ends) and time.time() < ends[-1] + PATIENCE:
                cursor.execute(SEEN, (ciphertexts(slot), slot))
                ((moment, size, rows),) = cursor.fetchall()
                gone = ends[: len(ends) - rows]
                lag.rows += [float(moment) - end for end in gone[len(lag.rows) :]]
                if not size and gone == ends:
                    lag.bytes = [float(moment) - end for end in ends]
                time.sleep(0.1)
        base.close()
        self.lag = lag if lag.bytes else None


def upload(port: int, lifetime: int) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/upload?lifetime={lifetime}", noise_jpeg(SIZES["100 KB"]), method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
