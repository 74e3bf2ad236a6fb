"""The seccomp profile RuntimeDefault, as container runtimes publish it, for one architecture and one set of capabilities.

runtime_default.txt holds what it comes to for the agent's container on x86-64; tests/servers/seccomp holds that against the
published profile. A line of it is a system call that is allowed: NAME; NAME unless MASK (of its first argument's bits);
NAME when VALUE... (of its first argument); or NAME errno NUMBER, which is not.
"""

import ctypes
import pathlib
import re
import struct

HERE = pathlib.Path(__file__).resolve().parent
NUMBERS = pathlib.Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
CAPABILITIES = ("BPF", "PERFMON", "SYS_PTRACE", "SYSLOG", "DAC_READ_SEARCH", "CHECKPOINT_RESTORE")

AUDIT_ARCH_X86_64 = 0xC000003E
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER_AT, ARCH_AT, FIRST_ARGUMENT_AT = 0, 4, 16
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EPERM = 1


def lines_of(profile):
    """What the published profile (its JSON) comes to on x86-64 with CAPABILITIES."""
    held = {"CAP_" + name for name in CAPABILITIES}
    whole, values, others = set(), {}, []

    def applies(rule):
        includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
        return ("amd64" in includes.get("arches", ["amd64"]) and set(includes.get("caps", ())) <= held
                and "amd64" not in excludes.get("arches", ()) and not set(excludes.get("caps", ())) & held)

    for rule in filter(applies, profile["syscalls"]):
        arguments = rule.get("args") or []
        for name in rule["names"]:
            if rule["action"] == "SCMP_ACT_ERRNO":
                others.append(f"{name} errno {rule['errnoRet']}")
            elif not arguments:
                whole.add(name)
            else:
                (argument,) = arguments
                assert argument["index"] == 0, rule
                if argument["op"] == "SCMP_CMP_MASKED_EQ":
                    assert argument.get("valueTwo", 0) == 0, rule
                    others.append(f"{name} unless {argument['value']:#x}")
                else:
                    found = {"SCMP_CMP_EQ": [argument["value"]], "SCMP_CMP_LT": range(argument["value"])}[argument["op"]]
                    values.setdefault(name, set()).update(found)
    others += [f"{name} when {' '.join(map(str, sorted(one)))}" for name, one in values.items()]
    return sorted(whole) + sorted(line for line in others if line.split()[0] not in whole)


def _instruction(code, if_true, if_false, value):
    return struct.pack("=HBBI", code, if_true, if_false, value)


def _rule(number, condition):
    """Instructions that end with a verdict for this system call, and are passed by for all others."""
    word, *values = condition
    values = [int(value, 0) for value in values]
    if word == "errno":
        body = [(RETURN, 0, 0, ERRNO | values[0])]
    elif word == "unless":
        body = [(LOAD, 0, 0, FIRST_ARGUMENT_AT), (ANY_BIT, 0, 1, values[0]), (RETURN, 0, 0, ERRNO | EPERM), (RETURN, 0, 0, ALLOW)]
    elif word == "when":
        body = [(LOAD, 0, 0, FIRST_ARGUMENT_AT)]
        for value in values:
            body += [(EQUAL, 0, 1, value & 0xFFFFFFFF), (RETURN, 0, 0, ALLOW)]
        body += [(RETURN, 0, 0, ERRNO | EPERM)]
    else:
        body = [(RETURN, 0, 0, ALLOW)]
    return [(EQUAL, 0, len(body), number), *body]


def program():
    """The filter, as the kernel takes it: the prctl's argument, and what must live as long."""
    numbers = {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", NUMBERS.read_text())}
    code = [(LOAD, 0, 0, ARCH_AT), (EQUAL, 1, 0, AUDIT_ARCH_X86_64), (RETURN, 0, 0, ERRNO | EPERM), (LOAD, 0, 0, NUMBER_AT)]
    for line in (HERE / "runtime_default.txt").read_text().splitlines():
        name, *condition = line.split()
        if name in numbers:  # others are of other architectures, or of kernels newer than these headers
            code += _rule(numbers[name], condition or [""])
    code += [(RETURN, 0, 0, ERRNO | EPERM)]
    text = b"".join(_instruction(*one) for one in code)
    instructions = ctypes.create_string_buffer(text, len(text))
    filter_program = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(instructions)))
    return filter_program, instructions
