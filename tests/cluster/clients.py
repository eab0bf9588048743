"""Clients that send requests to one Mayfly without a pause; the model of tests/faults judges each answer."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

import requests

from tests.cast import FLOWER
from tests.cluster.writers import longest
from tests.faults.life import GONE, Life, allowed, expiry

VIEWS = 3
PAUSE = 0.1
PATIENCE = 60
OPENED, AWAY = 200, 503
CUT_OFF = {502, 504, 0}
"""How a proxy answers a request that was under way at a server which then died, and which may have been done; with
nothing more where the answer had begun."""


class Answered(NamedTuple):
    """One answer: when it was asked for and had, by time.monotonic(), of what kind, and its status; 0 for none."""

    began: float
    ended: float
    kind: str
    status: int
    error: str
    """The error code of a 503; empty for other answers."""


@dataclass(eq=False, kw_only=True)
class Uploaded(Life):
    """An image whose upload was acknowledged."""

    at: float
    link: str
    key: str
    digest: str
    limited: bool
    """Whether its views are counted."""

    def living(self) -> set[bool]:
        """Whether it lives now; both where nobody knows."""
        return self.lived(now := time.time(), now)


@dataclass
class Clients:
    """Uploads, opens, views, deletions and cleanups at once; ``wrong`` has each answer that must not be."""

    url: str
    behind_proxy: bool = False
    pictures: tuple[bytes, ...] = (FLOWER,)
    answers: list[Answered] = field(default_factory=list)
    images: list[Uploaded] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        deeds = (
            self._upload,
            self._upload_with_views,
            self._open,
            self._use_views,
            self._delete,
            self._clean,
        )
        self._threads = [threading.Thread(target=self._go_on, args=(deed,)) for deed in deeds]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, deed: Callable[[], None]) -> None:
        while not self._over.wait(PAUSE):
            deed()

    def _ask(
        self, kind: str, method: str, path: str, expected: set[int], data: bytes = b""
    ) -> requests.Response | None:
        began = time.monotonic()
        try:
            answer = requests.request(method, self.url + path, data=data, timeout=PATIENCE)
            status = answer.status_code
        except requests.RequestException:
            answer, status = None, 0
        self.answers.append(Answered(began, time.monotonic(), kind, status, _error(answer)))
        if self.behind_proxy and status in CUT_OFF:
            self.wrong["cut off"] += 1
        elif status not in expected | {AWAY}:
            self.wrong[f"{kind} {status}"] += 1
        elif answer is not None and status == AWAY:
            self.wrong["no Retry-After"] += "Retry-After" not in answer.headers
        return answer

    def _store(self, views: int | None) -> None:
        path = f"/upload?lifetime=1h{f'&views={views}' if views else ''}"
        answer = self._ask("upload", "POST", path, {201}, random.choice(self.pictures))
        if answer is not None and answer.status_code == 201:
            told = answer.json()
            self.images.append(
                Uploaded(
                    expires_at=expiry(told),
                    views=views,
                    at=time.monotonic(),
                    link=told["hash"],
                    key=told["image_key"],
                    digest=told["sha256"],
                    limited=views is not None,
                )
            )

    def _upload(self) -> None:
        self._store(None)

    def _upload_with_views(self) -> None:
        self._store(VIEWS)

    def _some(self, *, limited: bool) -> Uploaded | None:
        found = [image for image in self.images[-40:] if image.limited is limited]
        return random.choice(found) if found else None

    def _open(self) -> None:
        if image := self._some(limited=False):
            self._judged(image, "open", "GET")

    def _use_views(self) -> None:
        """Use up a view, which nobody else does of this image."""
        if image := self._some(limited=True):
            status = self._judged(image, "view", "POST")
            if status == OPENED and not image.gone:
                image.view()
            elif status not in {OPENED, GONE}:
                image.view_unanswered()

    def _judged(self, image: Uploaded, kind: str, method: str) -> int:
        """Open an image, and judge the answer by what the model allows: it may have been deleted meanwhile."""
        before = image.living()
        answer = self._ask(kind, method, f"/image/{image.link}", {OPENED, GONE})
        status = 0 if answer is None else answer.status_code
        due = allowed(before | image.living(), OPENED)
        if status == OPENED and answer is not None:
            self.wrong["views too many" if image.limited else "stale"] += OPENED not in due
            self.wrong["other bytes"] += sha256(answer.content).hexdigest() != image.digest
        elif status == GONE:
            self.wrong["lost"] += GONE not in due
        return status

    def _delete(self) -> None:
        image = self._some(limited=False)
        if image is None or image.living() != {True} or random.random() > 0.1:
            return
        image.doubtful = True  # it may be gone from now on
        answer = self._ask("delete", "DELETE", f"/images/{image.key}", {OPENED})
        image.gone = answer is not None and answer.status_code == OPENED

    def _clean(self) -> None:
        self._ask("cleanup", "GET", "/cleanup", {200})
        self._over.wait(0.5)

    def stored_since(self, moment: float) -> int:
        """How many uploads were acknowledged since a moment."""
        return sum(image.at >= moment for image in self.images)

    def longest_gap(self, since: float) -> float:
        """The longest time between two uploads that were acknowledged, in seconds."""
        return longest([image.at for image in self.images], since)

    def seconds_refused(self, since: float) -> float:
        """The time from the begin of the first upload that got a 503 to the end of the last one, in seconds."""
        uploads = [answer for answer in self._away(since) if answer.kind == "upload"]
        begun = min((answer.began for answer in uploads), default=0.0)
        return max((answer.ended for answer in uploads), default=0.0) - begun

    def counted(self, since: float) -> Counter[str]:
        """How many uploads were acknowledged since a moment, and how many answers said 503."""
        return Counter(stored=self.stored_since(since), away=len(self._away(since)))

    def refused(self, since: float) -> Counter[str]:
        """Why uploads were answered with 503 since a moment, and how often."""
        return Counter(answer.error for answer in self._away(since) if answer.kind == "upload")

    def _away(self, since: float) -> list[Answered]:
        return [answer for answer in self.answers if answer.began >= since and answer.status == AWAY]

    def look_again(self, since: float) -> None:
        """Open each image without views whose upload was acknowledged since a moment, and that nobody deleted.

        A 503 says that what holds it is away, not that it is lost: it is asked for again.
        """
        for image in [image for image in self.images if image.at >= since and not image.limited]:
            if image.living() == {True}:
                answer = self._answer_about(image)
                self.wrong["lost"] += answer.status_code != OPENED and image.living() == {True}

    def _answer_about(self, image: Uploaded) -> requests.Response:
        """Open an image; what answers 503 is asked again for a while."""
        end = time.monotonic() + PATIENCE
        while True:
            answer = requests.get(f"{self.url}/image/{image.link}", timeout=PATIENCE)
            if answer.status_code != AWAY or time.monotonic() > end:
                return answer
            time.sleep(PAUSE)


def _error(answer: requests.Response | None) -> str:
    if answer is None or answer.status_code != AWAY:
        return ""
    try:
        return str(answer.json()["error"])
    except requests.JSONDecodeError:
        return "a proxy's"
