"""What goes over the pipes: at the start the bytes that are mapped; then the lengths of job and data, both; an answer."""

import struct

REQUEST = struct.Struct(">QQ")
ANSWER = struct.Struct(">cQ")
READY = struct.Struct(">Q")
DONE, BROKEN, TOO_MANY = b"d", b"b", b"t"
UNFILTERED = "--unfiltered"
"""The argument that lets the process start where the kernel offers no filter of system calls."""
