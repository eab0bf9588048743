"""The jail of the sandbox: after `lock` its process can only compute, read its input, write its output, and end."""

import ctypes
import errno
import functools
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable
from typing import NamedTuple

from imaging.sandbox.calls import MACHINES, Line, assembled, program
from imaging.sandbox.kernel import hide_memory, prctl, system_call

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
LANDLOCK_CREATE_RULESET, LANDLOCK_RESTRICT_SELF = 444, 446
LANDLOCK_CREATE_RULESET_VERSION = 1
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many rights over files each version of Landlock knows; 16 from version 5 on."""
LIMITS = {
    resource.RLIMIT_NOFILE: 0,  # a descriptor that it closes gives it no room for another
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NPROC: 0,
}


class Jail(NamedTuple):
    """What this kernel offers: a filter of system calls or the reason for none, and a version of Landlock (0: none)."""

    filtered: bool
    landlock: int
    why_not: str = ""


@functools.cache
def jail_offered() -> Jail:
    """Ask the kernel what it offers, and use nothing of it yet."""
    try:
        landlock = system_call(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_CREATE_RULESET_VERSION)
    except OSError:
        landlock = 0
    if sys.platform != "linux":
        return Jail(False, 0, "this system is not Linux")
    if os.uname().machine not in MACHINES or sys.maxsize < 2**32:
        return Jail(False, landlock, f"there is none for this machine ({os.uname().machine})")
    try:
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0)
    except OSError as error:
        if error.errno != errno.EFAULT:  # that is: a filter is welcome, and there is none at address 0
            return Jail(False, landlock, f"the kernel refuses seccomp: {error.strerror}")
    return Jail(True, landlock)


def lock(*, filtered: bool = True) -> None:
    """Lock this process up for good, after everything it may need is loaded; it must have one thread.

    Raises OSError where the kernel refuses; the process has to end then. `filtered` is False where the kernel has no
    seccomp and the operator has accepted that: the rest of the jail limits accidents, but stops no attacker.
    """
    for step in STEPS:
        if filtered or step is not filter_calls:
            step()


def close_descriptors() -> None:
    """Keep the input, the output and /dev/null alone."""
    os.closerange(3, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the server: the filter forbids rt_sigreturn, by which a handler returns."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def renounce_privileges() -> None:
    """Make sure that no program that is executed gains privileges; Landlock and seccomp demand it."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def renounce_files() -> None:
    """Give up all rights over files, TCP and other processes by Landlock, as far as this kernel supports it."""
    version = jail_offered().landlock
    if not version:
        return
    files = (1 << FILE_RIGHTS.get(version, 16)) - 1
    rights = struct.pack("QQQ", files, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    ruleset = system_call(LANDLOCK_CREATE_RULESET, rights, len(rights), 0)
    system_call(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def lower_limits() -> None:
    """Allow no further descriptor, no byte in a file and no further process (root is above the last one)."""
    for kind, most in LIMITS.items():
        resource.setrlimit(kind, (most, most))


def filter_calls() -> None:
    """Have the kernel end this process at its first system call that is not in the list."""
    install(program(MACHINES[os.uname().machine]))


def install(lines: list[Line]) -> None:
    """Put this process under a filter of system calls (`struct sock_fprog`, seccomp(2)); raises OSError."""
    code = ctypes.create_string_buffer(assembled(lines))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(lines), ctypes.addressof(code)))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(head))


STEPS: tuple[Callable[[], None], ...] = (
    close_descriptors,
    ignore_interrupts,
    renounce_privileges,
    renounce_files,
    lower_limits,
    hide_memory,
    filter_calls,
)
