"""Unserved connections, which ended without an answer of the application: no HTTP, half a request, or nothing at all.

The HTTP server answers or closes these by itself and tells nobody. But the kernel reports each TCP socket that ends,
with what went over it, to all who listen (sock_diag(7); ``ss --events`` shows the same). What happens on a connection
after a first answer is not seen.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import socket
import struct
import threading
import time
from collections import Counter

SOCK_DIAG, TCP_ENDED = 4, 1
"""NETLINK_SOCK_DIAG, and the bit of its group SKNLGRP_INET_TCP_DESTROY."""
SERVER_PORT, CLIENT_PORT, ATTRIBUTES, TCP_INFO = 20, 22, 88, 2
"""Places in a report, and the type of the attribute that is a tcp_info (linux/inet_diag.h)."""
ATTRIBUTE = struct.Struct("=HH")
SEGMENTS_IN, BYTES_SENT = 152, 200
"""In tcp_info (linux/tcp.h): tcpi_data_segs_in, and tcpi_bytes_sent, behind which tcpi_bytes_retrans follows."""
_ANSWER = (
    "HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: 0\r\ndate: Thu, 26 Nov 2026 12:00:00 GMT\r\n\r\n"
)
ANSWERS = {
    len(_ANSWER.format("400 Bad Request")): "bad_request",
    len(_ANSWER.format("414 URI Too Long")): "uri_too_long",
    len(_ANSWER.format("431 Request Header Fields Too Large")): "headers_too_large",
}
"""What the HTTP server says by itself, known by its size: the application says nothing so short."""
UNANSWERED, SILENT = "unanswered", "silent"
"""What came got no answer: half a head, or the client left first. And: nothing came."""
ENDINGS = (*ANSWERS.values(), UNANSWERED, SILENT)
QUEUE_BYTES = 1 << 20
"""How much the kernel keeps of what was not read yet, if the system allows so much."""
LOG_SECONDS = 10.0
"""A line in the log stands for all connections of this time, so that no stranger can fill the log."""
SO_ATTACH_FILTER = 26
INSTRUCTION = struct.Struct("@HBBI")
"""struct sock_filter of classic BPF: what to do, how many instructions to skip if so and if not, and a number."""
BYTE, HALF, WORD = 0x50, 0x48, 0x40
"""Take 1, 2 or 4 bytes of the attribute that was found, from a place in it."""
HALF_AT, SET, SET_SECOND, FIND, KEEP_FOUND = 0x28, 0x00, 0x01, 0x30, 0x07
"""Take 2 bytes of the report; set the number, and the one beside it; find the attribute; keep where it was found."""
IF_EQUAL, RETURN = 0x15, 0x06
FIND_ATTRIBUTE = 0xFFFFF000 + 12
"""SKF_AD_OFF + SKF_AD_NLATTR: the first attribute of the type beside the number, from the place that it names."""
log = logging.getLogger("mayfly")


def watch(port: int) -> Counter[str]:
    """Count, in a thread, how unserved connections to a port end; return the counts, which go on growing.

    They are empty where the kernel reports nothing to this process.
    """
    counts: Counter[str] = Counter()
    try:
        reports = _listen(port)
    except OSError as error:
        log.info("unserved connections are not counted: %s", error.strerror)
        return counts
    counts.update(dict.fromkeys(ENDINGS, 0))
    os.register_at_fork(after_in_child=reports.close)
    threading.Thread(target=_count, args=(reports, counts), name="connections", daemon=True).start()
    return counts


def _listen(port: int) -> socket.socket:
    reports = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG)
    code = _filter(port)
    room = ctypes.create_string_buffer(code)
    program = struct.pack("@HP", len(code) // INSTRUCTION.size, ctypes.addressof(room))
    try:
        reports.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
        reports.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE_BYTES)
        reports.bind((0, TCP_ENDED))
    except OSError:
        reports.close()
        raise
    return reports


def _filter(port: int) -> bytes:
    """Return what has the kernel keep reports of this port's connections that sent less than 256 bytes, and no others.

    It is a program of https://docs.kernel.org/networking/filter.html. Numbers in tcp_info are little-endian, as on
    x86-64 and 64-bit ARM.
    """
    sent = ATTRIBUTE.size + BYTES_SENT
    instructions = (
        (HALF_AT, 0, 0, SERVER_PORT),
        (IF_EQUAL, 0, 12, port),
        (HALF_AT, 0, 0, CLIENT_PORT),
        (IF_EQUAL, 10, 0, 0),  # it was not connected
        (SET, 0, 0, ATTRIBUTES),
        (SET_SECOND, 0, 0, TCP_INFO),
        (FIND, 0, 0, FIND_ATTRIBUTE),
        (KEEP_FOUND, 0, 0, 0),
        (BYTE, 0, 0, sent + 1),  # each byte of the number but the lowest is 0
        (IF_EQUAL, 0, 4, 0),
        (HALF, 0, 0, sent + 2),
        (IF_EQUAL, 0, 2, 0),
        (WORD, 0, 0, sent + 4),
        (IF_EQUAL, 1, 0, 0),
        (RETURN, 0, 0, 0),  # drop the report
        (RETURN, 0, 0, 0xFFFF),  # keep it
    )
    return b"".join(INSTRUCTION.pack(*instruction) for instruction in instructions)


def _count(reports: socket.socket, counts: Counter[str]) -> None:
    fresh: Counter[str] = Counter()
    next_line = time.monotonic()
    while True:
        reports.settimeout(max(next_line - time.monotonic(), 0.001) if fresh else None)
        try:
            ending = ending_of(reports.recv(4096))
        except TimeoutError:
            ending = None
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # else they came faster than they were read, and some are lost
                raise
            ending = None
        if ending is not None:
            counts[ending] += 1
            fresh[ending] += 1
        if fresh and time.monotonic() >= next_line:
            _tell(fresh)
            fresh.clear()
            next_line = time.monotonic() + LOG_SECONDS


def ending_of(report: bytes) -> str | None:
    """Return how a connection ended if it was unserved, else None."""
    info = _tcp_info(report)
    (segments,) = struct.unpack_from("=I", info, SEGMENTS_IN)
    sent, sent_again = struct.unpack_from("=QQ", info, BYTES_SENT)
    if sent == 0:
        return UNANSWERED if segments else SILENT
    return ANSWERS.get(sent - sent_again)


def _tcp_info(report: bytes) -> bytes:
    place = ATTRIBUTES
    while True:
        size, kind = ATTRIBUTE.unpack_from(report, place)
        if kind == TCP_INFO:
            return report[place + ATTRIBUTE.size : place + size]
        place += (size + 3) & ~3  # each begins at a multiple of 4 bytes


def _tell(fresh: Counter[str]) -> None:
    level = logging.DEBUG if set(fresh) == {SILENT} else logging.INFO
    words = ", ".join(f"%({ending})d {ending}" for ending in fresh)
    log.log(level, f"unserved connections: {words}", dict(fresh))
