"""A bucket of S3 over urllib3. A request that fails for a transient reason is repeated."""

from __future__ import annotations

import logging
import os
import random
import re
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from storage.breaker import ObjectStoreBreaker, StoreAway
from storage.exchange import (
    CODE,
    MOST_SECONDS,
    Failed,
    Refused,
    description,
    in_time,
    is_transient,
    pool,
    read_body,
    send_request,
)
from storage.protocol import CiphertextGone, Pieces
from storage.settings import BucketSettings
from storage.sigv4 import query_of, signature_headers

TRIES = 3
FIRST_PAUSE_SECONDS = 0.1
MOST_SKEW = timedelta(minutes=5)
"""S3 refuses a signature whose time differs from its own clock by more than 15 minutes."""
MOST_KEYS = 1000
"""How many keys S3 lists in one answer, and deletes with one request."""
_KEY = re.compile(rb"<Key>([^<&]*)</Key>")
_NOTHING: Mapping[str, str] = {}

T = TypeVar("T")
Report = Callable[[str, str], None]
"""Called after each request with its kind (such as ``put``) and its outcome: ``done``, ``missing`` or ``failed``."""
log = logging.getLogger("mayfly.store")


class Bucket:
    """Puts, gets, lists and deletes objects; every method raises StoreAway if the store doesn't answer or refuses.

    Keys consist of letters, digits, ``-`` and ``/``, so they need no escaping.
    """

    def __init__(self, settings: BucketSettings, report: Report) -> None:
        self._settings = settings
        self._report = report
        base = urlsplit(settings.base)
        self._path, self._host = base.path, base.netloc
        self._clock_lock = threading.Lock()
        self._behind = timedelta()
        """How far this machine's clock is behind the store's; 0 until the store has refused a signature's time."""
        self._connect()
        os.register_at_fork(after_in_child=self._connect)  # a process shares no connection with its parent

    def _connect(self) -> None:
        self._breaker = ObjectStoreBreaker(self._settings.connections)
        self._s3 = pool(self._settings.base, self._settings.connections)
        self._filer = pool(self._settings.filer or self._settings.base, self._settings.connections)

    def put(
        self, key: str, pieces: Pieces, size: int, headers: Mapping[str, str] = _NOTHING, ttl: str = ""
    ) -> None:
        """Put an object of ``size`` bytes, sent piece by piece; each try iterates over the pieces again.

        With a ``ttl`` (such as ``10m``) the object goes through SeaweedFS's filer, where a bucket is a folder. A
        missing bucket is created, unless it is Amazon's.
        """
        headers = {"content-length": str(size), "content-type": "application/octet-stream", **headers}

        def once() -> None:
            body = in_time(pieces)
            if ttl:
                path = f"/buckets/{self._settings.name}/{key}?{query_of({'ttl': ttl})}"
                send_request(self._filer, "PUT", path, body, headers).drain_conn()
            else:
                self._ask("PUT", key, body=body, headers=headers)

        try:
            self._with_retries("put", once)
        except CiphertextGone:
            if not self._settings.endpoint:
                log.warning("there is no bucket of that name: make it, or mend S3_BUCKET_NAME")
                raise StoreAway from None
            self._with_retries("make", lambda: self._ask("PUT"))
            self._with_retries("put", once)

    def get(self, key: str, size: int) -> bytearray:
        """Return an object of ``size`` bytes; raises CiphertextGone if it is missing or has another size."""
        return self._with_retries("get", lambda: self._get(key, size))

    def _get(self, key: str, size: int) -> bytearray:
        answer = self._answer("GET", key)
        try:
            if int(answer.headers.get("content-length", -1)) != size:
                raise CiphertextGone
            got = read_body(answer, size)
        except BaseException:
            answer.close()  # else the next request over this connection would read the rest of this answer
            raise
        answer.release_conn()
        return got

    def keys(self, prefix: str, most: int) -> list[str]:
        """List at most ``most`` keys that begin with ``prefix``, in ascending order."""
        query = {"list-type": "2", "prefix": prefix, "max-keys": str(most)}
        try:
            listed = self._with_retries("list", lambda: self._ask("GET", query=query), tries=1)
        except CiphertextGone:
            return []  # there is no bucket yet
        return [key.decode() for key in _KEY.findall(listed)]

    def delete(self, keys: list[str]) -> None:
        """Delete objects; a missing object is no error."""
        for start in range(0, len(keys), MOST_KEYS):
            some = keys[start : start + MOST_KEYS]
            with suppress(CiphertextGone):
                self._with_retries("delete", lambda: self._delete(some), tries=1)  # noqa: B023 - it is called at once

    def _delete(self, keys: list[str]) -> None:
        objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
        body = f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()
        digest = b64encode(md5(body, usedforsecurity=False).digest()).decode()
        headers = {"content-md5": digest, "content-type": "application/xml"}
        refused = CODE.search(self._ask("POST", query={"delete": ""}, body=body, headers=headers))
        if refused:
            raise Failed(f"deleting was answered with {refused[1].decode()}")

    def check(self) -> None:
        """Ask whether the bucket can be used; raises CiphertextGone if it doesn't exist."""
        self._with_retries("check", lambda: self._ask("HEAD"), tries=1)

    def _with_retries(self, what: str, once: Callable[[], T], tries: int = TRIES) -> T:
        """Send a request, and again after a pause (exponential backoff) if it failed for a transient reason."""
        with self._breaker.passage():
            deadline = time.monotonic() + MOST_SECONDS
            for number in range(1, tries + 1):
                try:
                    done = self._with_right_clock(once)
                except CiphertextGone:
                    self._report(what, "missing")
                    raise
                except (Failed, HTTPError, OSError) as error:
                    self._report(what, "failed")
                    if number == tries or not is_transient(error) or time.monotonic() > deadline:
                        log.warning("the object store is away: %s", description(error))
                        raise StoreAway from None
                    time.sleep(FIRST_PAUSE_SECONDS * 4 ** (number - 1) * random.uniform(0.5, 1))  # noqa: S311
                else:
                    self._report(what, "done")
                    return done
        raise AssertionError("each of the tries returns or raises")

    def _with_right_clock(self, once: Callable[[], T]) -> T:
        """Send a request; if the store may have refused it for this machine's clock, send it again with the store's."""
        signed_behind = self._behind  # another thread may learn the store's time while this one is refused
        try:
            return once()
        except Refused as error:
            behind = error.at - datetime.now(UTC)
            if abs(behind - signed_behind) < MOST_SKEW:
                raise
            self._use_clock_behind(behind)
            return once()

    def _use_clock_behind(self, behind: timedelta) -> None:
        with self._clock_lock:
            news = abs(behind - self._behind) >= MOST_SKEW
            self._behind = behind if news else self._behind
        if news:
            log.warning(
                "this machine's clock is wrong: requests to the object store use the store's time from now on"
            )

    def _ask(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] = _NOTHING,
        body: object = None,
        headers: Mapping[str, str] = _NOTHING,
    ) -> bytes:
        return bytes(self._answer(method, key, query, body, headers).data)

    def _answer(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] = _NOTHING,
        body: object = None,
        headers: Mapping[str, str] = _NOTHING,
    ) -> urllib3.BaseHTTPResponse:
        path = f"{self._path}/{key}".rstrip("/") or "/"
        signed = signature_headers(
            self._settings, method, self._host, path, query, datetime.now(UTC) + self._behind
        )
        url = f"{path}?{query_of(query)}" if query else path
        return send_request(self._s3, method, url, body, {**headers, **signed})
