"""What an attacker in the sandbox tries, as system calls: numbers on x86-64 and on 64-bit ARM, and arguments.

None does harm where nothing holds it back, not even as root: what would change the machine has arguments that the
kernel refuses. Numbers: arch/x86/entry/syscalls/syscall_64.tbl and scripts/syscall.tbl of the kernel.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct

Argument = int | bytes | None
Way = tuple[int, int | None, tuple[Argument, ...]]
HERE, NOWHERE, PASSWD = -100, -1, b"/etc/passwd"  # AT_FDCWD, no descriptor, a file that everybody may read
PARENT = os.getpid()
"""The process that forks the hostile ones: it imports this module first."""
SECRET = ctypes.create_string_buffer(b"the server's key")
ROOM = ctypes.create_string_buffer(4096)
INTO = ctypes.addressof(ROOM)
PAGES = mmap.mmap(-1, 4 * mmap.PAGESIZE)
PAGE = ctypes.addressof(ctypes.c_char.from_buffer(PAGES))
MANY = struct.pack("QQ", 64, 64)
EXECUTABLE, READ_WRITE, PRIVATE, SHARED = 0x5, 0x3, 0x22, 0x21


def spans() -> tuple[bytes, bytes]:
    """`struct iovec` of here and of the parent's secret."""
    size = len(SECRET.value)
    return struct.pack("PN", INTO, size), struct.pack("PN", ctypes.addressof(SECRET), size)


MINE, THEIRS = spans()

FILES: dict[str, Way] = {
    "open": (2, None, (PASSWD, 0)),
    "openat": (257, 56, (HERE, PASSWD, 0)),
    "openat of the parent's memory": (257, 56, (HERE, b"/proc/%d/mem" % PARENT, 0)),
    "openat2": (437, 437, (HERE, PASSWD, bytes(24), 24)),
    "creat": (85, None, (b"/dev/null", 0o600)),
    "open_by_handle_at": (304, 265, (HERE, None, 0)),
    "name_to_handle_at": (303, 264, (HERE, None, None, None, 0)),
    "stat": (262, 79, (HERE, PASSWD, INTO, 0)),
    "statx": (332, 291, (HERE, PASSWD, 0, 0xFFF, INTO)),
    "access": (269, 48, (HERE, PASSWD, 0)),
    "readlinkat": (267, 78, (HERE, b"/proc/self/exe", INTO, 100)),
    "getdents64": (217, 61, (0, INTO, 100)),
    "unlinkat": (263, 35, (HERE, b"", 0)),
    "renameat2": (316, 276, (HERE, b"", HERE, b"", 0)),
    "mkdirat": (258, 34, (HERE, b"", 0)),
    "mknodat": (259, 33, (HERE, b"", 0, 0)),
    "symlinkat": (266, 36, (b"", HERE, b"")),
    "linkat": (265, 37, (HERE, b"", HERE, b"", 0)),
    "fchmodat": (268, 53, (HERE, b"", 0)),
    "fchownat": (260, 54, (HERE, b"", 0, 0, 0)),
    "truncate": (76, 45, (b"", 0)),
    "ftruncate": (77, 46, (NOWHERE, 0)),
    "chdir": (80, 49, (b"/",)),
    "fchdir": (81, 50, (NOWHERE,)),
    "chroot": (161, 51, (b"/",)),
    "pivot_root": (155, 41, (b"", b"")),
    "mount": (165, 40, (None, None, None, 0, None)),
    "umount2": (166, 39, (b"", 0)),
    "open_tree": (428, 428, (NOWHERE, b"", 0)),
    "move_mount": (429, 429, (NOWHERE, b"", NOWHERE, b"", 0)),
    "fsopen": (430, 430, (b"none", 0)),
    "memfd_create": (319, 279, (b"x", 0)),
    "memfd_secret": (447, 447, (0,)),
    "inotify_init1": (294, 26, (0,)),
    "fanotify_init": (300, 262, (0, 0)),
    "quotactl": (179, 60, (0, None, 0, None)),
    "acct": (163, 89, (b"/nowhere/at/all",)),
}
DESCRIPTORS: dict[str, Way] = {
    "close": (3, 57, (NOWHERE,)),
    "close_range": (436, 436, (0, 2, 0)),
    "dup": (32, 23, (0,)),
    "dup3": (292, 24, (0, 5, 0)),
    "fcntl": (72, 25, (0, 0, 0)),
    "ioctl TIOCSTI": (16, 29, (0, 0x5412, b"x")),
    "pread64": (17, 67, (NOWHERE, INTO, 1, 0)),
    "pwrite64": (18, 68, (NOWHERE, INTO, 1, 0)),
    "readv": (19, 65, (NOWHERE, None, 0)),
    "writev": (20, 66, (NOWHERE, None, 0)),
    "lseek": (8, 62, (NOWHERE, 0, 0)),
    "sendfile": (40, 71, (NOWHERE, NOWHERE, None, 0)),
    "splice": (275, 76, (NOWHERE, None, NOWHERE, None, 0, 0)),
    "vmsplice": (278, 75, (NOWHERE, None, 0, 0)),
    "copy_file_range": (326, 285, (NOWHERE, None, NOWHERE, None, 0, 0)),
    "pipe2": (293, 59, (INTO, 0)),
    "eventfd2": (290, 19, (0, 0)),
    "epoll_create1": (291, 20, (0,)),
    "timerfd_create": (283, 85, (0, 0)),
    "signalfd4": (289, 74, (NOWHERE, INTO, 8, 0)),
    "userfaultfd": (323, 282, (0,)),
    "ppoll": (271, 73, (None, 0, bytes(16), None, 0)),
}
NETWORK: dict[str, Way] = {
    "socket AF_UNIX": (41, 198, (1, 1, 0)),
    "socket AF_INET": (41, 198, (2, 1, 0)),
    "socket AF_INET, datagrams": (41, 198, (2, 2, 0)),
    "socket AF_INET6": (41, 198, (10, 1, 0)),
    "socket AF_NETLINK": (41, 198, (16, 3, 0)),
    "socket AF_PACKET": (41, 198, (17, 3, 0)),
    "socket AF_ALG": (41, 198, (38, 5, 0)),
    "socket AF_VSOCK": (41, 198, (40, 1, 0)),
    "socketpair": (53, 199, (1, 1, 0, INTO)),
    "connect": (42, 203, (NOWHERE, None, 0)),
    "bind": (49, 200, (NOWHERE, None, 0)),
    "listen": (50, 201, (NOWHERE, 1)),
    "accept4": (288, 242, (NOWHERE, None, None, 0)),
    "sendto": (44, 206, (NOWHERE, None, 0, 0, None, 0)),
    "recvfrom": (45, 207, (NOWHERE, None, 0, 0, None, None)),
    "sendmsg": (46, 211, (NOWHERE, None, 0)),
    "recvmsg": (47, 212, (NOWHERE, None, 0)),
    "io_uring_setup": (425, 425, (1, None)),
    "io_uring_enter": (426, 426, (NOWHERE, 0, 0, 0, None, 0)),
    "io_uring_register": (427, 427, (NOWHERE, 0, None, 0)),
    "io_setup": (206, 0, (0, None)),
}
PROCESSES: dict[str, Way] = {
    "fork": (57, None, ()),
    "clone": (56, 220, (17, 0, 0, 0, 0)),
    "clone3": (435, 435, (struct.pack("11Q", 0, 0, 0, 0, 17, *[0] * 6), 88)),
    "execve": (59, 221, (PASSWD, None, None)),
    "execveat": (322, 281, (HERE, PASSWD, None, None, 0)),
    "kill": (62, 129, (PARENT, 0)),
    "tkill": (200, 130, (PARENT, 0)),
    "tgkill": (234, 131, (PARENT, PARENT, 0)),
    "rt_sigqueueinfo": (129, 138, (PARENT, 0, None)),
    "rt_tgsigqueueinfo": (297, 240, (PARENT, PARENT, 0, None)),
    "pidfd_open": (434, 434, (PARENT, 0)),
    "pidfd_send_signal": (424, 424, (NOWHERE, 0, None, 0)),
    "pidfd_getfd": (438, 438, (NOWHERE, 0, 0)),
    "ptrace": (101, 117, (2, PARENT, 0, 0)),
    "process_vm_readv": (310, 270, (PARENT, MINE, 1, THEIRS, 1, 0)),
    "process_vm_writev": (311, 271, (PARENT, None, 0, None, 0, 0)),
    "process_madvise": (440, 440, (NOWHERE, None, 0, 0, 0)),
    "kcmp": (312, 272, (PARENT, PARENT, 0, 0, 0)),
    "wait4": (61, 260, (NOWHERE, None, 1, None)),
    "setpgid": (109, 154, (0, 0)),
    "setsid": (112, 157, ()),
    "setpriority": (141, 140, (99, 0, 0)),
    "sched_setaffinity": (203, 122, (0, 0, None)),
    "unshare": (272, 97, (0,)),
    "setns": (308, 268, (NOWHERE, 0)),
    "shmget": (29, 194, (1, 1, 0)),
    "shmat": (30, 196, (NOWHERE, None, 0)),
    "semget": (64, 190, (1, 1, 0)),
    "msgget": (68, 186, (1, 0)),
    "mq_open": (240, 180, (b"x", 0, 0, None)),
}
RIGHTS: dict[str, Way] = {
    "prctl PR_SET_DUMPABLE": (157, 167, (4, 1, 0, 0, 0)),
    "prctl PR_SET_SECCOMP": (157, 167, (22, 2, 0, 0, 0)),
    "seccomp": (317, 277, (1, 0, None)),
    "landlock_create_ruleset": (444, 444, (None, 0, 1)),
    "arch_prctl": (158, None, (0x1003, INTO)),
    "personality": (135, 92, (0xFFFF_FFFF,)),
    "setrlimit, a limit up": (160, 164, (7, MANY)),
    "prlimit64, a limit up": (302, 261, (0, 7, MANY, None)),
    "prlimit64 of the parent": (302, 261, (PARENT, 7, None, INTO)),
    "setuid": (105, 146, (0,)),
    "setgid": (106, 144, (0,)),
    "setresuid": (117, 147, (0, 0, 0)),
    "setgroups": (116, 159, (0, None)),
    "capset": (126, 91, (None, None)),
    "keyctl": (250, 219, (0, -3, 0)),
    "add_key": (248, 217, (None, None, None, 0, -3)),
    "request_key": (249, 218, (None, None, None, -3)),
    "bpf": (321, 280, (0, None, 0)),
    "perf_event_open": (298, 241, (None, 0, -1, -1, 0)),
    "init_module": (175, 105, (None, 0, None)),
    "finit_module": (313, 273, (NOWHERE, None, 0)),
    "kexec_load": (246, 104, (0, 0, None, 0xFF)),
    "reboot": (169, 142, (0, 0, 0, None)),
    "swapon": (167, 224, (None, 0)),
    "sethostname": (170, 161, (None, 1)),
    "settimeofday": (164, 170, (None, None)),
    "clock_settime": (227, 112, (0, None)),
    "syslog": (103, 116, (10, None, 0)),
    "iopl": (172, None, (0,)),
    "modify_ldt": (154, None, (0, None, 0)),
}
ITSELF: dict[str, Way] = {
    "pkey_mprotect": (329, 288, (PAGE, 4096, EXECUTABLE, NOWHERE)),
    "mlock": (149, 228, (PAGE, 4096)),
    "remap_file_pages": (216, 234, (PAGE, 4096, 0, 0, 0)),
    "membarrier": (324, 283, (0, 0, 0)),
    "rt_sigaction": (13, 134, (10, None, None, 8)),
    "rt_sigprocmask": (14, 135, (0, None, None, 8)),
    "rt_sigreturn": (15, 139, ()),
    "sigaltstack": (131, 132, (None, None)),
    "nanosleep": (35, 101, (None, None)),
    "getpid": (39, 172, ()),
    "getuid": (102, 174, ()),
    "uname": (63, 160, (INTO,)),
    "sysinfo": (99, 179, (INTO,)),
    "getrusage": (98, 165, (0, INTO)),
    "getrandom": (318, 278, (INTO, 1, 0)),
    "openat by its number of x32": (0x4000_0000 + 257, None, (HERE, PASSWD, 0)),
}
BY_NUMBER = FILES | DESCRIPTORS | NETWORK | PROCESSES | RIGHTS | ITSELF
"""Held back by the filter's last line: what is not in the list ends the process."""

BY_ARGUMENT: dict[str, Way] = {
    "mmap 2": (9, 222, (None, 4096, EXECUTABLE, PRIVATE, NOWHERE, 0)),
    "mmap 3": (9, 222, (None, 4096, READ_WRITE, SHARED, NOWHERE, 0)),
    "mprotect 2": (10, 226, (PAGE, 4096, EXECUTABLE)),
    "madvise 2": (28, 233, (PAGE, 4096, 3)),
    "futex 1": (202, 98, (INTO, 0, 12345, None)),
}
"""Held back by the check of one argument, which the name tells: call and number of the argument."""

NEEDED: dict[str, Way] = {
    "read": (0, 63, (NOWHERE, INTO, 1)),
    "write": (1, 64, (NOWHERE, INTO, 1)),
    "brk": (12, 214, (0,)),
    "mmap": (9, 222, (None, 4096, READ_WRITE, PRIVATE, NOWHERE, 0)),
    "mprotect": (10, 226, (PAGE, 4096, READ_WRITE)),
    "munmap": (11, 215, (PAGE + 3 * mmap.PAGESIZE, mmap.PAGESIZE)),
    "mremap": (25, 216, (PAGE, 4096, 4096, 0)),
    "madvise": (28, 233, (PAGE, 4096, 4)),
    "futex": (202, 98, (INTO, 1 | 128, 1)),
    "clock_gettime": (228, 113, (1, INTO)),
    "getcwd": (79, 17, (INTO, 4096)),
    "exit_group": (231, 94, (0,)),
}
"""What decoding needs, each in a form that the filter allows."""
