"""Calls of the kernel through libc: Python's standard library has no functions for them."""

import ctypes
import os
import resource
import sys

PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
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


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
