"""A kernel without seccomp, for whatever is run under this: `python -m tests.without_seccomp COMMAND …`.

A filter answers as such a kernel does: ENOSYS to seccomp(2), EINVAL to prctl(PR_SET_SECCOMP).
"""

from __future__ import annotations

import errno
import os
import platform
import sys

from imaging.sandbox import jail
from imaging.sandbox.calls import ALLOW, ARGUMENTS_AT, EQUAL, LOAD, NUMBER_AT, RETURN, Line

REFUSE = 0x0005_0000  # SECCOMP_RET_ERRNO
SECCOMP, PRCTL = {"x86_64": (317, 157), "aarch64": (277, 167)}[platform.machine()]
LINES = [
    Line(LOAD, 0, 0, NUMBER_AT),
    Line(EQUAL, 0, 1, SECCOMP),
    Line(RETURN, 0, 0, REFUSE | errno.ENOSYS),
    Line(EQUAL, 0, 3, PRCTL),
    Line(LOAD, 0, 0, ARGUMENTS_AT),
    Line(EQUAL, 0, 1, jail.PR_SET_SECCOMP),
    Line(RETURN, 0, 0, REFUSE | errno.EINVAL),
    Line(RETURN, 0, 0, ALLOW),
]

if __name__ == "__main__":
    jail.renounce_privileges()
    jail.install(LINES)
    os.execvp(sys.argv[1], sys.argv[1:])
