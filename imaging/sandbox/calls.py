"""The system calls that decoding needs, and a filter with which the kernel kills a process that makes any other.

The program is classic BPF over `struct seccomp_data`: seccomp(2), and Documentation/userspace-api/seccomp_filter.rst of
the kernel.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

ALLOW, KILL = 0x7FFF_0000, 0x8000_0000  # SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS
LOAD, EQUAL, AND, RETURN = 0x20, 0x15, 0x54, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_ALU|AND|K, BPF_RET|K
NUMBER_AT, MACHINE_AT, ARGUMENTS_AT = 0, 4, 16  # in struct seccomp_data
EVERY_BIT = 0xFFFF_FFFF
PROT_READ_WRITE = 0x3
MAP_PRIVATE_ANONYMOUS, MAP_NORESERVE = 0x22, 0x4000
MADV_DONTNEED, MADV_FREE = 4, 8
FUTEX_WAKE, FUTEX_PRIVATE_FLAG = 1, 128


class Machine(NamedTuple):
    """A processor as the kernel names it (AUDIT_ARCH_*), and the place of its call numbers in `Call.numbers`."""

    audit: int
    column: int


class Check(NamedTuple):
    """What an argument may be: one of `values`, once it is cut down to the bits of `mask`.

    Only the lower half of an argument is looked at: no bit above it means anything to the calls below.
    """

    argument: int
    mask: int
    values: tuple[int, ...]


class Call(NamedTuple):
    """A system call that is allowed: its numbers on x86-64 and on 64-bit ARM, and what its arguments have to be."""

    numbers: tuple[int, int]
    checks: tuple[Check, ...] = ()


class Line(NamedTuple):
    """An instruction of BPF, `struct sock_filter`: what to do, how many lines to skip if so and if not, its value."""

    code: int
    if_so: int
    if_not: int
    value: int


MACHINES = {"x86_64": Machine(0xC000_003E, 0), "aarch64": Machine(0xC000_00B7, 1)}
NOT_EXECUTABLE = Check(2, EVERY_BIT & ~PROT_READ_WRITE, (0,))
CALLS: Mapping[str, Call] = {
    # The job comes and the answer goes; there are no other descriptors than the two pipes and /dev/null.
    "read": Call((0, 63)),
    "write": Call((1, 64)),
    # Memory of its own, never shared and never executable, for malloc and Python's allocator. glibc protects and
    # advises where brk finds no room, musl always.
    "brk": Call((12, 214)),
    "mmap": Call((9, 222), (NOT_EXECUTABLE, Check(3, EVERY_BIT & ~MAP_NORESERVE, (MAP_PRIVATE_ANONYMOUS,)))),
    "mprotect": Call((10, 226), (NOT_EXECUTABLE,)),
    "munmap": Call((11, 215)),
    "mremap": Call((25, 216)),
    "madvise": Call((28, 233), (Check(2, EVERY_BIT, (MADV_DONTNEED, MADV_FREE)),)),
    # pthread_once wakes threads that may wait. There is only one thread here, so waiting itself is not allowed.
    "futex": Call((202, 98), (Check(1, EVERY_BIT & ~FUTEX_PRIVATE_FLAG, (FUTEX_WAKE,)),)),
    # LittleCMS asks for the time, which is a system call where the machine has no clock that can be read without one.
    "clock_gettime": Call((228, 113)),
    # Image.save makes two paths absolute, empty ones too.
    "getcwd": Call((79, 17)),
    "exit_group": Call((231, 94)),
}


def program(machine: Machine, calls: Mapping[str, Call] = CALLS) -> list[Line]:
    """Write the filter for a machine: its calls are allowed, every other one ends the process.

    Calls of another machine (32-bit x86) have other numbers, and the filter ends the process; the numbers of x32 are
    not in the list.
    """
    lines = [Line(LOAD, 0, 0, MACHINE_AT), Line(EQUAL, 1, 0, machine.audit), Line(RETURN, 0, 0, KILL)]
    lines.append(Line(LOAD, 0, 0, NUMBER_AT))
    for call in calls.values():
        body = [line for check in call.checks for line in _checked(check)]
        body.append(Line(RETURN, 0, 0, ALLOW))
        lines += [Line(EQUAL, 0, len(body), call.numbers[machine.column]), *body]
    return [*lines, Line(RETURN, 0, 0, KILL)]


def _checked(check: Check) -> Iterator[Line]:
    yield Line(LOAD, 0, 0, ARGUMENTS_AT + 8 * check.argument)
    yield Line(AND, 0, 0, check.mask)
    for left in range(len(check.values), 0, -1):
        yield Line(EQUAL, left, 0, check.values[-left])
    yield Line(RETURN, 0, 0, KILL)


def assembled(lines: list[Line]) -> bytes:
    """Return the program as an array of `struct sock_filter`."""
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
