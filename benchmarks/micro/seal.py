"""Sealing and opening in the Fernet format: `python -m benchmarks.micro.seal`."""

import base64
import hashlib
import hmac
import os
import statistics
import struct
import threading
import time
from functools import partial

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC

from benchmarks.images import SIZES, noise_jpeg
from benchmarks.micro import Step, interleaved, print_rows

KEY = bytes(range(32))
FERNET = Fernet(base64.urlsafe_b64encode(KEY))
Data = bytes | bytearray | memoryview


def head() -> bytes:
    return b"\x80" + struct.pack(">Q", int(time.time())) + os.urandom(16)


def padding(length: int) -> bytes:
    missing = 16 - length % 16
    return bytes([missing]) * missing


def one_shot(data: bytes) -> bytes:
    """hazmat as one writes it first: update, finalize, join; its HMAC."""
    start = head()
    encryptor = Cipher(algorithms.AES(KEY[16:]), modes.CBC(start[9:])).encryptor()
    basic = start + encryptor.update(data + padding(len(data))) + encryptor.finalize()
    mac = HMAC(KEY[:16], hashes.SHA256())
    mac.update(basic)
    return basic + mac.finalize()


def into(data: Data, chunk: int) -> bytearray:
    """One buffer of the right size, filled piece by piece; the tag is taken while a piece is in the cache."""
    whole = len(data) // 16 * 16
    pad = padding(len(data))
    token = bytearray(25 + whole + 16 + 32)
    token[:25] = start = head()
    encryptor = Cipher(algorithms.AES(KEY[16:]), modes.CBC(start[9:])).encryptor()
    mac = hmac.new(KEY[:16], start, hashlib.sha256)
    view, source = memoryview(token), memoryview(data)
    for at in range(0, whole, chunk):
        piece = source[at : min(at + chunk, whole)]
        done = encryptor.update_into(piece, view[25 + at :])
        mac.update(view[25 + at : 25 + at + done])
    last = 25 + whole
    encryptor.update_into(bytes(source[whole:]) + pad, view[last:])
    mac.update(view[last : last + 16])
    view[last + 16 :] = mac.digest()
    return token


def in_place(data: bytearray) -> tuple[bytes, bytearray, bytes]:
    """The image's own buffer is overwritten by its ciphertext: one buffer in all."""
    start, size = head(), len(data)
    data += padding(size) + bytes(15)
    view = memoryview(data)
    encryptor = Cipher(algorithms.AES(KEY[16:]), modes.CBC(start[9:])).encryptor()
    mac = hmac.new(KEY[:16], start, hashlib.sha256)
    done = encryptor.update_into(view[:-15], view)
    mac.update(view[:done])
    return start, data, mac.digest()


def open_one_shot(token: bytes) -> bytes:
    mac = HMAC(KEY[:16], hashes.SHA256())
    mac.update(token[:-32])
    mac.verify(token[-32:])
    decryptor = Cipher(algorithms.AES(KEY[16:]), modes.CBC(token[9:25])).decryptor()
    padded = decryptor.update(token[25:-32]) + decryptor.finalize()
    return padded[: -padded[-1]]


def open_into(token: Data, chunk: int) -> memoryview:
    """The tag first and whole, then the image into one buffer."""
    view = memoryview(token)
    if not hmac.compare_digest(hmac.digest(KEY[:16], view[:-32], "sha256"), view[-32:]):
        raise ValueError("altered")
    sealed = view[25:-32]
    decryptor = Cipher(algorithms.AES(KEY[16:]), modes.CBC(bytes(view[9:25]))).decryptor()
    image = bytearray(len(sealed) + 15)
    out, at = memoryview(image), 0
    for start in range(0, len(sealed), chunk):
        at += decryptor.update_into(sealed[start : start + chunk], out[at:])
    return out[: at - image[at - 1]]


CHUNKS = {"64 KB": 1 << 16, "256 KB": 1 << 18, "1 MB": 1 << 20, "whole": 1 << 30}


def sealing(data: bytes) -> dict[str, Step]:
    ways: dict[str, Step] = {
        "Fernet (base64)": lambda: FERNET.encrypt(data),
        "hazmat, joined": lambda: one_shot(data),
    }
    for name, chunk in CHUNKS.items():
        ways[f"update_into, {name}"] = partial(into, data, chunk)
    ways["update_into, in place (after a copy)"] = lambda: in_place(bytearray(data))
    ways["of that, the copy"] = lambda: bytearray(data)
    ways["of that, HMAC (hashlib)"] = lambda: hmac.digest(KEY[:16], data, "sha256")
    return ways


def opening(data: bytes) -> dict[str, Step]:
    token = one_shot(data)
    encoded = base64.urlsafe_b64encode(token)
    ways: dict[str, Step] = {
        "Fernet (base64)": lambda: FERNET.decrypt(encoded),
        "hazmat, joined": lambda: open_one_shot(token),
    }
    for name, chunk in CHUNKS.items():
        ways[f"update_into, {name}"] = partial(open_into, token, chunk)
    return ways


def together(step: Step, threads: int, seconds: float = 0.3) -> float:
    """How many a second that many threads manage."""
    counts = [0] * threads
    end = time.perf_counter() + seconds

    def work(place: int) -> None:
        while time.perf_counter() < end:
            step()
            counts[place] += 1

    workers = [threading.Thread(target=work, args=(place,)) for place in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / seconds


def check() -> None:
    for size in (0, 1, 15, 16, 17, 100_000):
        data = os.urandom(size)
        for chunk in CHUNKS.values():
            token = bytes(into(data, chunk))
            if FERNET.decrypt(base64.urlsafe_b64encode(token)) != data or open_into(token, chunk) != data:
                raise SystemExit("not the Fernet format")
        start, sealed, tag = in_place(bytearray(data))
        if FERNET.decrypt(base64.urlsafe_b64encode(start + bytes(sealed[:-15]) + tag)) != data:
            raise SystemExit("not the Fernet format in place")


def scaled(step: Step) -> str:
    """MB a second of one thread and of two, with images of 1 MB; they take turns."""
    one, two = zip(*((together(step, 1), together(step, 2)) for _ in range(5)), strict=True)
    return f"{statistics.median(one):.0f} → {statistics.median(two):.0f}"


def main() -> None:
    check()
    for title, ways in (("seal, MB/s", sealing), ("open, MB/s", opening)):
        rows: dict[str, list[str]] = {name: [] for name in ways(b"")}
        for size in SIZES.values():
            for name, took in interleaved(ways(noise_jpeg(size)), 0.3).items():
                rows[name].append(f"{size / 1e3 / took:,.0f}")
        for name, step in ways(noise_jpeg(1_000_000)).items():
            rows[name].append(scaled(step))
        print_rows(title, [*SIZES, "1 MB, one → two threads"], rows)


if __name__ == "__main__":
    main()
