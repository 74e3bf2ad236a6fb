"""What a child does to itself before it becomes a program under test: gives up rights, loses system calls."""

import ctypes
import errno
import os
import struct

CAP_SYS_ADMIN, CAP_PERFMON, CAP_BPF = 21, 38, 39

PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 24, 38
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO = 0x7FFF0000, 0x00050000
BPF_LOAD_WORD, BPF_JUMP_EQUAL, BPF_RETURN = 0x20, 0x15, 0x06
PERF_EVENT_OPEN = 298  # on x86-64
NOBODY = 65534

LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option, *arguments):
    if LIBC.prctl(option, *(ctypes.c_ulong(argument) for argument in arguments)) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def without_capabilities(*capabilities):
    """For root: what is not in the bounding set is lost when the program is executed."""
    return lambda: [prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) for capability in capabilities]


def without_perf_events(error):
    """perf_event_open fails with `error`, as in a container whose seccomp profile does not know it."""

    def instruction(code, if_true, if_false, value):
        return struct.pack("=HBBI", code, if_true, if_false, value)

    filter_bytes = b"".join([
        instruction(BPF_LOAD_WORD, 0, 0, 0),  # the system call's number
        instruction(BPF_JUMP_EQUAL, 0, 1, PERF_EVENT_OPEN),
        instruction(BPF_RETURN, 0, 0, SECCOMP_RET_ERRNO | error),
        instruction(BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW)])
    instructions = ctypes.create_string_buffer(filter_bytes, len(filter_bytes))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(filter_bytes) // 8, ctypes.addressof(instructions)))

    def apply():
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program), 0, 0)

    apply.keeps = (instructions, program)
    return apply


def in_own_mounts(*commands):
    """The start of a command line: what follows runs where these shell commands have changed the mounts."""
    return ["unshare", "--mount", "sh", "-ec", "; ".join([*commands, 'exec "$@"']), "sh"]


EPERM, ENOSYS = errno.EPERM, errno.ENOSYS
