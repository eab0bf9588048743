"""What goes over the pipes: the lengths of job and data, seconds and memory, then both; an answer."""

import struct

REQUEST = struct.Struct(">QQdQ")
ANSWER = struct.Struct(">cQ")
READY = b"r"
DONE, BROKEN, TOO_MANY = b"d", b"b", b"t"
