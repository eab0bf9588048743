"""The sandbox, taken over: it warms up as the true one does, and then forks a process for each way out.

Each closes its descriptors, goes into the jail, or into one of which something is left out, and tries its way:
`python -m tests.imaging.hostile` reads the cases from its input, and answers what became of them.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import NamedTuple

from imaging.sandbox import jail
from imaging.sandbox.calls import ALLOW, CALLS, MACHINES, RETURN, Line, program
from imaging.sandbox.kernel import prctl, system_call
from imaging.sandbox.rendering import warm_up
from tests.imaging.ways_out import BY_ARGUMENT, BY_NUMBER, NEEDED, Way

MACHINE = platform.machine()
X86 = MACHINE == "x86_64"
NOBODY = 65534
NOT_LOCKED = 200
"""The exit code of a process that the jail did not take in."""
VFORK = bytes.fromhex("b83a0000000f0585c0750931ffb83c0000000f05c3")
"""vfork, and exit in the child: mov eax,58; syscall; test eax,eax; jnz 1; xor edi,edi; mov eax,60; syscall; 1: ret"""
CHDIR_OF_I386 = bytes.fromhex("53b80c00000089fbcd805bc3")
"""Call 12 of 32-bit x86: push rbx; mov eax,12; mov ebx,edi; int 0x80; pop rbx; ret. On x86-64 that number is brk."""
MAP_32BIT = 0x40


class Case(NamedTuple):
    """A way out, what is left out of the jail, and as whom it is tried."""

    way: str
    without: Sequence[str] = ()
    nobody: bool = False


def ways() -> dict[str, Callable[[], object]]:
    """Return every way out that this machine has, by its name."""
    column = MACHINES[MACHINE].column
    found: dict[str, Callable[[], object]] = {
        f"{kind}{name}": _calling(way)
        for kind, listed in (("", BY_NUMBER), ("", BY_ARGUMENT), ("needed: ", NEEDED))
        for name, way in listed.items()
        if way[column] is not None
    }
    found |= {"a core": _core, "open a file": _open}
    found |= {
        "read what was open": lambda: os.read(OPEN, 1),
        "write what was open": lambda: os.write(OPEN, b"x"),
    }
    if X86:
        found |= {"vfork": lambda: _run(VFORK), "a call of 32-bit x86": lambda: _run(CHDIR_OF_I386, LOW)}
    return found


def _calling(way: Way) -> Callable[[], object]:
    number, arguments = way[:2][MACHINES[MACHINE].column], way[2]
    assert number is not None
    return lambda: system_call(number, *arguments)


def _core() -> None:
    """Fail unless this process may write one, and so be looked at by others of its user."""
    if system_call(157 if X86 else 167, 3, 0, 0, 0, 0) != 1:  # PR_GET_DUMPABLE
        raise PermissionError(1, "not dumpable")


def _open() -> None:
    os.close(os.open("/etc/passwd", os.O_RDONLY))


def _run(code: bytes, argument: int = 0) -> None:
    CODE.seek(0)
    CODE.write(code)
    if FUNCTION(argument) < 0:
        raise OSError(1, "refused")


def _low_page(text: bytes) -> int:
    """Return the address of a text below 4 GiB, where a call of 32-bit x86 can name it."""
    page = system_call(9, None, 4096, 0x3, 0x22 | MAP_32BIT, -1, 0)
    ctypes.memmove(page, text, len(text))
    return page


CODE = mmap.mmap(-1, 4096, prot=0x7)
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(CODE)))
LOW = _low_page(b"/\0") if X86 else 0
FILE = tempfile.TemporaryFile()  # noqa: SIM115 (every process forked from here has it)
FILE.write(bytes(4096))
FILE.seek(0)
OPEN = FILE.fileno()


def lock(without: Sequence[str]) -> None:
    """Go into the jail, or into one without some of its steps or lines.

    "machine" is the check of the processor, "last" the line that ends whatever is not in the list, a call's name the
    lines that allow it, and a name with a number the check of that argument.
    """
    if not without:
        jail.lock()
        return
    for step in jail.STEPS:
        if step is jail.filter_calls and step.__name__ not in without:
            jail.install(lines(without))
        elif step.__name__ not in without:
            step()


def lines(without: Sequence[str]) -> list[Line]:
    """Return the filter without some of its lines."""
    calls = {
        name: call._replace(
            checks=tuple(check for check in call.checks if f"{name} {check.argument}" not in without)
        )
        for name, call in CALLS.items()
        if name not in without
    }
    found = program(MACHINES[MACHINE], calls)
    if "last" in without:
        found[-1] = Line(RETURN, 0, 0, ALLOW)
    return found[3:] if "machine" in without else found


def outcome(case: Case, way: Callable[[], object]) -> str:
    """Try a way out in a process of its own; return "out", the error's name, the signal's, or "not locked"."""
    pid = os.fork()
    if not pid:
        _try(case, way)
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    code = os.WEXITSTATUS(status)
    if code == NOT_LOCKED:
        return "not locked"
    return "out" if code == 0 else _name_of(code)


def _name_of(code: int) -> str:
    return errno.errorcode.get(code, str(code))


def _try(case: Case, way: Callable[[], object]) -> None:
    try:
        if case.nobody and os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            prctl(4, 1)  # a change of user ends what hide_memory is to end
        lock(case.without)
        code = NOT_LOCKED
    except OSError:
        os._exit(NOT_LOCKED)
    try:
        way()
        code = 0
    except OSError as error:
        code = error.errno or 255
    os._exit(code)


def main() -> None:
    """Answer every case of the input, as JSON."""
    cases = [Case(*case) for case in json.load(sys.stdin)]
    output = os.dup(1)
    warm_up()
    known = ways()
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    answer = json.dumps([outcome(case, known[case.way]) for case in cases])
    with os.fdopen(output, "w") as sink:
        sink.write(answer)
    os._exit(0)  # Python's own end would miss its descriptors


if __name__ == "__main__":
    main()
