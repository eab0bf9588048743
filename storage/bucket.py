"""A bucket of S3 over urllib3: each call is one request, which is repeated where it failed by chance."""

from __future__ import annotations

import logging
import os
import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import md5
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.exceptions import TimeoutError as TookTooLong

from storage.breaker import Breaker, StoreAway
from storage.protocol import CiphertextGone, Pieces
from storage.settings import BucketSettings
from storage.sigv4 import query_of, signature_headers

TRIES = 3
FIRST_PAUSE_SECONDS = 0.1
MOST_SECONDS = 15.0
"""How long one try may take, and until when another one begins."""
TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)
READ_SIZE = 256 * 1024
MOST_KEYS = 1000
"""How many keys S3 lists in one answer, and deletes by one request."""
BY_CHANCE = {408, 429, 500, 502, 503, 504}
"""Statuses after which the same request may succeed:
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
_CODE = re.compile(rb"<Code>(\w+)</Code>")
_KEY = re.compile(rb"<Key>([^<&]*)</Key>")
_NOTHING: Mapping[str, str] = {}

T = TypeVar("T")
Told = Callable[[str, str], None]
"""Is told of each request: what it did, and whether it was ``done``, was about something ``missing``, or ``failed``."""
log = logging.getLogger("mayfly.store")


class _Failed(Exception):
    """A request failed; ``by_chance`` says whether another try may help."""

    def __init__(self, why: str, *, by_chance: bool = False) -> None:
        super().__init__(why)
        self.by_chance = by_chance


class Bucket:
    """Puts, gets, lists and deletes objects; every method raises StoreAway where that can't be done.

    Keys are made of letters, digits, ``-`` and ``/``, so nothing in them has to be escaped.
    """

    def __init__(self, settings: BucketSettings, told: Told) -> None:
        self._settings = settings
        self._told = told
        base = urlsplit(settings.base)
        self._path, self._host = base.path, base.netloc
        self._connect()
        os.register_at_fork(after_in_child=self._connect)  # a process shares no connection with its parent

    def _connect(self) -> None:
        self._breaker = Breaker()
        self._s3 = _pool(self._settings.base, self._settings.connections)
        self._filer = _pool(self._settings.filer or self._settings.base, self._settings.connections)

    def put(
        self, key: str, pieces: Pieces, size: int, headers: Mapping[str, str] = _NOTHING, ttl: str = ""
    ) -> None:
        """Put an object of ``size`` bytes, sent piece by piece; another try asks for the pieces anew.

        With a ``ttl`` it goes through SeaweedFS's filer, to which a bucket is a folder. A bucket that is missing is
        made, unless it is Amazon's.
        """
        headers = {"content-length": str(size), "content-type": "application/octet-stream", **headers}

        def once() -> None:
            body = _in_time(pieces)
            if ttl:
                path = f"/buckets/{self._settings.name}/{key}?{query_of({'ttl': ttl})}"
                _sent(self._filer, "PUT", path, body, headers).drain_conn()
            else:
                self._ask("PUT", key, body=body, headers=headers)

        try:
            self._tried("put", once)
        except CiphertextGone:
            if not self._settings.endpoint:
                log.warning("there is no bucket of that name: make it, or mend S3_BUCKET_NAME")
                raise StoreAway from None
            self._tried("make", lambda: self._ask("PUT"))
            self._tried("put", once)

    def get(self, key: str, size: int) -> bytearray:
        """Return an object of ``size`` bytes; raises CiphertextGone where there is none, or one of another size."""
        return self._tried("get", lambda: self._get(key, size))

    def _get(self, key: str, size: int) -> bytearray:
        answer = self._answer("GET", key)
        try:
            if int(answer.headers.get("content-length", -1)) != size:
                raise CiphertextGone
            got = _read(answer, size)
        except BaseException:
            answer.close()  # what nobody reads is not to be found by the next request of this connection
            raise
        answer.release_conn()
        return got

    def keys(self, prefix: str, most: int) -> list[str]:
        """List at most ``most`` keys that begin with a prefix, in their order."""
        query = {"list-type": "2", "prefix": prefix, "max-keys": str(most)}
        try:
            listed = self._tried("list", lambda: self._ask("GET", query=query), tries=1)
        except CiphertextGone:
            return []  # there is no bucket yet
        return [key.decode() for key in _KEY.findall(listed)]

    def delete(self, keys: list[str]) -> None:
        """Delete objects; those that are not there are no error."""
        for start in range(0, len(keys), MOST_KEYS):
            some = keys[start : start + MOST_KEYS]
            with suppress(CiphertextGone):
                self._tried("delete", lambda: self._delete(some), tries=1)  # noqa: B023 - it is called at once

    def _delete(self, keys: list[str]) -> None:
        objects = "".join(f"<Object><Key>{key}</Key></Object>" for key in keys)
        body = f"<Delete><Quiet>true</Quiet>{objects}</Delete>".encode()
        digest = b64encode(md5(body, usedforsecurity=False).digest()).decode()
        headers = {"content-md5": digest, "content-type": "application/xml"}
        refused = _CODE.search(self._ask("POST", query={"delete": ""}, body=body, headers=headers))
        if refused:
            raise _Failed(f"deleting was answered with {refused[1].decode()}")

    def check(self) -> None:
        """Ask for the bucket; raises CiphertextGone where it is not there, too."""
        self._tried("check", lambda: self._ask("HEAD"), tries=1)

    def _tried(self, what: str, once: Callable[[], T], tries: int = TRIES) -> T:
        """Ask, and ask again after a pause where it failed by chance."""
        with self._breaker.passage():
            deadline = time.monotonic() + MOST_SECONDS
            for number in range(1, tries + 1):
                try:
                    done = once()
                except CiphertextGone:
                    self._told(what, "missing")
                    raise
                except (_Failed, HTTPError, OSError) as error:
                    self._told(what, "failed")
                    if number == tries or not _by_chance(error) or time.monotonic() > deadline:
                        log.warning("the object store is away: %s", _words(error))
                        raise StoreAway from None
                    time.sleep(FIRST_PAUSE_SECONDS * 4 ** (number - 1) * random.uniform(0.5, 1))  # noqa: S311
                else:
                    self._told(what, "done")
                    return done
        raise AssertionError("each of the tries returns or raises")

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
        signed = signature_headers(self._settings, method, self._host, path, query, datetime.now(UTC))
        url = f"{path}?{query_of(query)}" if query else path
        return _sent(self._s3, method, url, body, {**headers, **signed})


def _pool(url: str, connections: int) -> urllib3.HTTPConnectionPool:
    """Make a pool, which connects when it is asked something."""
    return urllib3.connection_from_url(url, maxsize=connections, timeout=TIMEOUT, retries=False)


def _sent(
    pool: urllib3.HTTPConnectionPool, method: str, url: str, body: object, headers: Mapping[str, str]
) -> urllib3.BaseHTTPResponse:
    """Send a request and return its answer, whose body is not read yet; raises CiphertextGone and _Failed."""
    answer = pool.urlopen(
        method,
        url,
        body=body,  # type: ignore[arg-type]
        headers=headers,
        redirect=False,
        preload_content=False,
        decode_content=False,
    )
    if answer.status < 300:
        return answer
    code = _CODE.search(answer.data)
    if answer.status == 404:
        raise CiphertextGone
    why = f"{method} was answered with {answer.status} {code[1].decode() if code else ''}"
    raise _Failed(why.rstrip(), by_chance=answer.status in BY_CHANCE)


def _read(answer: urllib3.BaseHTTPResponse, size: int) -> bytearray:
    """Read a body of ``size`` bytes into a buffer of that size."""
    deadline = time.monotonic() + MOST_SECONDS
    got, at = bytearray(size), 0
    while at < size:
        piece = answer.read(min(READ_SIZE, size - at))
        if not piece:
            raise _Failed("an answer was cut off", by_chance=True)
        if time.monotonic() > deadline:
            raise _Failed("it answers too slowly")
        got[at : at + len(piece)] = piece
        at += len(piece)
    return got


def _in_time(pieces: Pieces) -> Iterator[bytes | bytearray | memoryview]:
    deadline = time.monotonic() + MOST_SECONDS
    for piece in pieces:
        if time.monotonic() > deadline:
            raise _Failed("it takes bytes too slowly")
        yield piece


def _by_chance(error: Exception) -> bool:
    """Tell whether another try may help. One that waited in vain is not made again: threads are few."""
    return error.by_chance if isinstance(error, _Failed) else not isinstance(error, TookTooLong)


def _words(error: Exception) -> str:
    """Say what went wrong, in words that hold no object's name."""
    return str(error) if isinstance(error, _Failed) else type(error).__name__
