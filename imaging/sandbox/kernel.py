"""Calls of the kernel through libc: Python's standard library has no functions for them."""

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

PR_SET_DUMPABLE = 4
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
MADV_DONTNEED = 4
MAPPINGS = Path("/proc/self/smaps")
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def prctl(option: int, *arguments: int) -> None:
    """Set one attribute of this process (prctl(2)); raises OSError where the kernel refuses or is not Linux."""
    if _libc is None:
        raise OSError("this system is not Linux")
    words = (ctypes.c_ulong(word) for word in (*arguments, *[0] * (4 - len(arguments))))
    if _libc.prctl(option, *words) < 0:
        raise _error()


def system_call(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call that libc has no function for (syscall(2)); raises OSError where the kernel refuses."""
    if _libc is None:
        raise OSError("this system is not Linux")
    words = (ctypes.c_long(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments)
    result = int(_libc.syscall(ctypes.c_long(number), *words))
    if result < 0:
        raise _error()
    return result


def hide_memory() -> None:
    """Let this process write no core, and let no other process of its user read its memory.

    That holds until it executes another program; root may still read it. Outside of Linux it only does the first.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        prctl(PR_SET_DUMPABLE, 0)  # a core that goes to a program's input heeds this, and not the limit


def adopt_orphans(yes: bool) -> None:
    """Say whether this process becomes the parent of a descendant whose own parent ends."""
    prctl(PR_SET_CHILD_SUBREAPER, int(yes))


def name_process(name: str) -> None:
    """Set the name of this process that ``ps -o comm`` and ``top`` show, of at most 15 bytes."""
    room = ctypes.create_string_buffer(name.encode())
    prctl(PR_SET_NAME, ctypes.addressof(room))


def unmap_read_files() -> None:
    """Give back the memory pages of files that this process has only read, such as libraries' code.

    They stay in the kernel's file cache, and are mapped again when they are used (madvise(2), MADV_DONTNEED). A process
    that has loaded much and now waits needs few of them.
    """
    if _libc is not None:
        for begin, end in _only_read():
            _libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), MADV_DONTNEED)


def _only_read() -> Iterator[tuple[int, int]]:
    """Yield where private mappings of files that can't be written, and were not, begin and end (proc(5))."""
    place: tuple[int, int] | None = None
    for words in map(str.split, MAPPINGS.read_text().splitlines()):
        if "-" in words[0]:
            begin, _, end = words[0].partition("-")
            is_of_file = words[1][1] == "-" and words[1][3] == "p" and words[4] != "0"
            place = (int(begin, 16), int(end, 16)) if is_of_file else None
        elif words[0] == "Anonymous:" and words[1] == "0" and place:
            yield place


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
