"""Counts unserved connections: those that ended without an answer of the application.

Their clients sent no HTTP, half a request or nothing. The HTTP server answers or closes such connections without
telling the application. But the kernel reports the end of each TCP socket, with the number of bytes, to any process
that listens for that (sock_diag(7); ``ss --events`` shows the same). What happens on a connection after its first
answer is not seen.
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
"""Offsets in a report, and the type of the attribute that contains tcp_info (linux/inet_diag.h)."""
ATTRIBUTE = struct.Struct("=HH")
SEGMENTS_IN, BYTES_SENT = 152, 200
"""Offsets in tcp_info (linux/tcp.h): tcpi_data_segs_in, and tcpi_bytes_sent, which tcpi_bytes_retrans follows."""
_ANSWER = (
    "HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: 0\r\ndate: Thu, 26 Nov 2026 12:00:00 GMT\r\n\r\n"
)
ANSWERS = {
    len(_ANSWER.format("400 Bad Request")): "bad_request",
    len(_ANSWER.format("414 URI Too Long")): "uri_too_long",
    len(_ANSWER.format("431 Request Header Fields Too Large")): "headers_too_large",
}
"""Answers that the HTTP server sends by itself, by their length in bytes: no answer of the application is so short."""
UNANSWERED, SILENT = "unanswered", "silent"
"""The client sent something and got no answer, for example half a header; the client sent nothing."""
ENDINGS = (*ANSWERS.values(), UNANSWERED, SILENT)
QUEUE_BYTES = 1 << 20
"""The size of the kernel's queue of reports, if the system allows so much."""
LOG_SECONDS = 10.0
"""At most one line is logged in so many seconds, so that strangers can't fill the log."""
SO_ATTACH_FILTER = 26
INSTRUCTION = struct.Struct("@HBBI")
"""struct sock_filter of classic BPF: operation, instructions to skip if true, instructions to skip if false, number."""
BYTE, HALF, WORD = 0x50, 0x48, 0x40
"""Load 1, 2 or 4 bytes from an offset in the attribute that was found."""
HALF_AT, SET, SET_SECOND, FIND, KEEP_FOUND = 0x28, 0x00, 0x01, 0x30, 0x07
"""Load 2 bytes of the report; set register A; set register X; find an attribute; copy A, its offset, to X."""
IF_EQUAL, RETURN = 0x15, 0x06
FIND_ATTRIBUTE = 0xFFFFF000 + 12
"""SKF_AD_OFF + SKF_AD_NLATTR: find the first attribute of the type in X, from the offset in A on."""
log = logging.getLogger("mayfly")


def watch(port: int) -> Counter[str]:
    """Start a thread that counts how unserved connections to a port end; return its counter, by the kind of ending.

    The counter stays empty if the kernel sends no reports to this process.
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
    """Return a BPF program that drops all reports except of connections to this port that got less than 256 bytes.

    https://docs.kernel.org/networking/filter.html explains such programs. Numbers in tcp_info are taken as
    little-endian, as they are on x86-64 and 64-bit ARM.
    """
    sent = ATTRIBUTE.size + BYTES_SENT
    instructions = (
        (HALF_AT, 0, 0, SERVER_PORT),
        (IF_EQUAL, 0, 12, port),
        (HALF_AT, 0, 0, CLIENT_PORT),
        (IF_EQUAL, 10, 0, 0),  # the socket was not connected
        (SET, 0, 0, ATTRIBUTES),
        (SET_SECOND, 0, 0, TCP_INFO),
        (FIND, 0, 0, FIND_ATTRIBUTE),
        (KEEP_FOUND, 0, 0, 0),
        (BYTE, 0, 0, sent + 1),  # all bytes of the number except the lowest have to be 0
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
            if (
                error.errno != errno.ENOBUFS
            ):  # ENOBUFS means that the queue was full, and some reports were lost
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
    """Return how an unserved connection ended; None if the connection of the report was served."""
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
