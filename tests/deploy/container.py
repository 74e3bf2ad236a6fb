#!/usr/bin/env python3
"""Becomes a program as a container runtime starts the agent's container in its pod, where there is no runtime to do it.

usage: container.py WRITABLE[:WRITABLE...] PROGRAM [ARGUMENT...]      as root

It stays root, with six capabilities and no way to more, under the profile RuntimeDefault (runtime_default.py). It sees the host's
processes (hostPID), a read-only root with the folders WRITABLE mounted into it, and from its own control group down: as a container it
has a namespace of these, and fresh read-only /sys. What runtimes hide in /proc is hidden.
"""

import ctypes
import os
import sys

import runtime_default

PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 23, 24, 38
SECCOMP_MODE_FILTER = 2
NUMBERS = {"SYS_PTRACE": 19, "DAC_READ_SEARCH": 2, "SYSLOG": 34, "PERFMON": 38, "BPF": 39, "CHECKPOINT_RESTORE": 40}

MOUNTS = r"""
IFS=:
for folder in $1; do mount --bind "$folder" "$folder"; done
mount -o remount,bind,ro /
umount --recursive --lazy /sys
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys
mount -t cgroup2 -o ro,nosuid,nodev,noexec cgroup /sys/fs/cgroup
for file in /proc/kcore /proc/keys /proc/timer_list; do [ ! -e $file ] || mount --bind /dev/null $file; done
for folder in /proc/bus /proc/fs /proc/irq /proc/sys; do
  [ ! -e $folder ] || { mount --bind $folder $folder; mount -o remount,bind,ro $folder; }
done
shift
exec "$@"
"""

LIBC = ctypes.CDLL(None, use_errno=True)


def prctl(option, *arguments):
    if LIBC.prctl(option, *(ctypes.c_ulong(argument) for argument in arguments)) < 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def confine():
    kept = {NUMBERS[name] for name in runtime_default.CAPABILITIES}
    number = 0
    while LIBC.prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        if number not in kept:
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
        number += 1
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    filter_program, _instructions = runtime_default.program()
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(filter_program), 0, 0)


def main(arguments):
    if arguments[0] == "--inside":
        confine()
        os.execvp(arguments[1], arguments[1:])
    writable, *program = arguments
    os.execvp("unshare", ["unshare", "--mount", "--cgroup", "--propagation", "private", "sh", "-ec", MOUNTS, "sh", writable,
                          sys.executable, "-B", os.path.abspath(__file__), "--inside", *program])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1:])
