"""The hostile corpus through the routes: a picture that opens, or a refusal; never a 5xx, and nothing half-stored."""

from __future__ import annotations

import io
import sys
import time
import warnings
from collections import Counter

from flask.testing import FlaskClient
from PIL import Image

from tests.imaging.corpus import SEED, corpus

FILES = 150
SLOWEST_SECONDS = 2.0


def status_of(client: FlaskClient, data: bytes) -> int:
    """Upload a file; where it is taken, open what came of it, every frame."""
    answer = client.post("/upload", data=data, content_type="application/octet-stream")
    if answer.status_code == 201:
        opened = client.get(f"/image/{answer.get_json()['hash']}")
        assert opened.status_code == 200
        assert len(opened.data) <= len(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(opened.data)) as image:
                for frame in range(getattr(image, "n_frames", 1)):
                    image.seek(frame)
                    image.load()
    return answer.status_code


def tally(client: FlaskClient, count: int, seed: int = SEED) -> tuple[Counter[int], float]:
    """Count the statuses that a corpus gets, and time its slowest file, which a busy machine may try twice."""
    statuses: Counter[int] = Counter()
    slowest = 0.0
    for _, data in corpus(count, seed):
        took = SLOWEST_SECONDS
        for _ in range(2):
            began = time.monotonic()
            status = status_of(client, data)
            took = min(took, time.monotonic() - began)
            if took < SLOWEST_SECONDS:
                break
        statuses[status] += 1
        slowest = max(slowest, took)
    return statuses, slowest


def test_every_file_is_a_picture_that_opens_or_a_refusal(client: FlaskClient) -> None:
    statuses, slowest = tally(client, FILES)
    assert set(statuses) <= {201, 400, 415, 422}
    assert statuses[201]
    assert statuses[422]
    assert slowest < SLOWEST_SECONDS
    sys.stdout.write(f"{dict(statuses)}, slowest {slowest:.2f} s\n")
