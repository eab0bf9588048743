"""What goes over the pipes: the bytes mapped at the start; then the lengths of job and data, and both; an answer."""

import struct

REQUEST = struct.Struct(">QQ")
ANSWER = struct.Struct(">cQ")
READY = struct.Struct(">Q")
DONE, BROKEN, TOO_MANY = b"d", b"b", b"t"
UNFILTERED = "--unfiltered"
"""The argument that lets the process start where the kernel offers no filter of system calls."""
