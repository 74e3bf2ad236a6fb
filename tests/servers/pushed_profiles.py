"""Profiles that no agent would make, and the pushing of profiles to a server by the programs beside these tests."""

import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import pprof_file as pf  # noqa: E402
import sonde_processes as sonde  # noqa: E402


def offcpu_pprof(samples, start_ns, duration_ns):
    """An off-CPU pprof of (stack of functions, waits, nanoseconds, labels). A function of no name is an address only."""
    strings, functions, texts = [""], {}, {"": 0}

    def text(word):
        if word not in texts:
            texts[word] = len(strings)
            strings.append(word)
        return texts[word]

    waits, delay = ((pf.field(1, text(t)) + pf.field(2, text(u))) for t, u in (("waits", "count"), ("delay", "nanoseconds")))
    parts = [pf.field(pf.SAMPLE_TYPE, waits), pf.field(pf.SAMPLE_TYPE, delay),
             pf.field(pf.MAPPING, pf.field(1, 1) + pf.field(2, 0x1000) + pf.field(3, 0x900000) + pf.field(5, text("/bin/p")))]
    for stack, count, ns, labels in samples:
        for name in stack:
            functions.setdefault(name, len(functions) + 1)
        parts.append(pf.field(pf.SAMPLE, b"".join([
            pf.field(1, b"".join(pf.varint(functions[name]) for name in stack)),
            pf.field(2, pf.varint(count) + pf.varint(ns)),
            *(pf.field(3, pf.field(1, text(k)) + pf.field(2, text(v))) for k, v in labels.items())])))
    for name, number in functions.items():
        line = pf.field(4, pf.field(1, number)) if name else b""
        parts.append(pf.field(pf.LOCATION, pf.field(1, number) + pf.field(2, 1) + pf.field(3, 0x1000 + number) + line))
        parts.append(pf.field(pf.FUNCTION, pf.field(1, number) + pf.field(2, text(name)) + pf.field(3, text(name))))
    parts += [pf.field(pf.STRING, word) for word in strings]
    return b"".join([*parts, pf.field(pf.TIME, start_ns), pf.field(pf.DURATION, duration_ns),
                     pf.field(pf.PERIOD_TYPE, waits), pf.field(pf.PERIOD, 1)])


def push(tool, address, profiles, folder):
    """Pushes (kind, labels, pprof) by `tool`, a program or a command to which the address is added, as the agent does. A line for each: "OK", or what became of it."""
    lines = []
    for number, (kind, labels, pprof) in enumerate(profiles):
        file = pathlib.Path(folder) / f"pushed-{number}.pb.gz"
        file.write_bytes(pprof)
        lines.append(json.dumps({"kind": kind, "labels": labels, "file": str(file)}))
    command = [str(word) for word in (tool if isinstance(tool, list) else [tool])]
    done = subprocess.run([*command, address], input="\n".join(lines) + "\n", capture_output=True, text=True,
                          timeout=10 * sonde.PATIENCE)
    if done.returncode != 0:
        raise AssertionError(f"{tool} ended with {done.returncode}: {done.stderr}")
    return done.stdout.splitlines()


def doctor_finding(folder, kind, address):
    """What agentctl doctor says of a target of this type at `address`."""
    config = pathlib.Path(folder) / "doctor.yaml"
    config.write_text(f"export:\n  - type: {kind}\n    endpoint: {address}\n")
    done = subprocess.run([str(sonde.AGENTCTL), "--socket", str(pathlib.Path(folder) / "no.sock"), "doctor", "-o", "json",
                           "--config", str(config)], capture_output=True, text=True, timeout=sonde.PATIENCE)
    found = [finding for finding in json.loads(done.stdout)["findings"] if address in finding["found"] + finding["check"]]
    if len(found) != 1:
        raise AssertionError(f"{found} in {done.stdout} {done.stderr}")
    return found[0]
