"""The hot path of the design and nothing around it: what the servers, seals and statements are measured on.

An upload is parsed by slicing, sealed in the raw Fernet format, and written by COPY; an open is the way back.
There is no validation, no cleaning, no limit: it is not a service.
"""

import hashlib
import hmac
import os
import secrets
import struct
import threading
import time
from collections.abc import Iterator

import psycopg2
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from flask import Flask, Response, abort, request
from psycopg2.extensions import connection

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
CHUNK = 1 << 18
local = threading.local()
at_once = threading.Semaphore(int(os.environ.get("SKETCH_AT_ONCE", "1000")))


class Rows:
    """A readable of one binary COPY row, (key, bytes), without joining the bytes to anything."""

    def __init__(self, key: bytes, parts: list[bytes | memoryview]) -> None:
        length = sum(len(part) for part in parts)
        head = COPY_HEADER + struct.pack("!hi", 2, len(key)) + key + struct.pack("!i", length)
        self.pieces = self._cut([head, *parts, struct.pack("!h", -1)])

    @staticmethod
    def _cut(parts: list[bytes | memoryview]) -> Iterator[bytes]:
        for part in parts:
            for start in range(0, len(part), CHUNK):
                yield bytes(part[start : start + CHUNK])

    def read(self, _size: int = -1, /) -> bytes:
        return next(self.pieces, b"")

    readline = read  # the stubs ask for it


class Pieces:
    """A writable that keeps what COPY hands it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, piece: bytes) -> None:
        self.pieces.append(piece)


def database() -> connection:
    if not hasattr(local, "connection"):
        local.connection = psycopg2.connect(os.environ["DATABASE_URL"])
    link: connection = local.connection
    return link


def seal(key: bytes, data: bytes | memoryview) -> list[bytes | memoryview]:
    """Raw Fernet: version, time, iv, AES-128-CBC, HMAC-SHA256; both let other threads run."""
    iv = secrets.token_bytes(16)
    head = b"\x80" + struct.pack(">Q", int(time.time())) + iv
    encryptor = Cipher(algorithms.AES(key[16:]), modes.CBC(iv)).encryptor()
    whole = len(data) // 16 * 16
    padder = padding.PKCS7(128).padder()
    last = padder.update(bytes(data[whole:])) + padder.finalize()
    out = bytearray(whole + 16 + 15)  # update_into asks for a block more than it fills
    encryptor.update_into(data[:whole], out)
    encryptor.update_into(last, memoryview(out)[whole:])
    sealed = memoryview(out)[: whole + 16]
    mac = hmac.new(key[:16], head, hashlib.sha256)
    mac.update(sealed)
    return [head, sealed, mac.digest()]


def open_(key: bytes, token: memoryview) -> memoryview:
    mac = hmac.new(key[:16], token[:-32], hashlib.sha256)
    if not hmac.compare_digest(mac.digest(), token[-32:]):
        raise ValueError("this token was altered")
    decryptor = Cipher(algorithms.AES(key[16:]), modes.CBC(bytes(token[9:25]))).decryptor()
    sealed = token[25:-32]
    out = bytearray(len(sealed) + 15)
    decryptor.update_into(sealed, out)
    return memoryview(out)[: len(sealed) - out[len(sealed) - 1]]


def one_file(body: bytes, content_type: str) -> memoryview:
    """The bytes of the first part of a multipart body, without a copy; the body itself when it is raw."""
    view = memoryview(body)
    if "boundary=" not in content_type:
        return view
    boundary = content_type.split("boundary=", 1)[1].strip('"').encode()
    start = body.index(b"\r\n\r\n") + 4
    return view[start : body.index(b"\r\n--" + boundary, start)]


def upload() -> Response:
    body = request.get_data(cache=False)
    with at_once:
        return deposit(one_file(body, request.headers.get("Content-Type", "")))


def deposit(data: memoryview) -> Response:
    link = secrets.token_urlsafe(24)
    row = hashlib.sha256(link.encode()).digest()
    rows = Rows(row, seal(hashlib.sha256(b"seal" + link.encode()).digest(), data))
    base = database()
    with base, base.cursor() as cursor:
        cursor.copy_expert("COPY sketch FROM STDIN WITH BINARY", rows, size=CHUNK)
    return Response(f"http://{request.host}/image/{link}\n", 201, content_type="text/plain")


def image(link: str) -> Response:
    with at_once:
        return opened(link)


def opened(link: str) -> Response:
    row = hashlib.sha256(link.encode()).hexdigest()
    base, out = database(), Pieces()
    with base, base.cursor() as cursor:
        cursor.copy_expert(
            f"COPY (SELECT bytes FROM sketch WHERE key = '\\x{row}') TO STDOUT WITH BINARY", out
        )
    token = b"".join(out.pieces)
    if len(token) < 30:
        abort(404)
    data = open_(hashlib.sha256(b"seal" + link.encode()).digest(), memoryview(token)[25:-2])
    return Response(bytes(data), 200, content_type="image/jpeg")


def create_app() -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/upload", view_func=upload, methods=["POST"])
    app.add_url_rule("/image/<link>", view_func=image)
    return app


SCHEMA = """CREATE TABLE IF NOT EXISTS sketch (key bytea PRIMARY KEY, bytes bytea NOT NULL);
ALTER TABLE sketch ALTER COLUMN bytes SET STORAGE EXTERNAL"""
