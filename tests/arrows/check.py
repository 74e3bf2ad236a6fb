#!/usr/bin/env python3
"""Checks that the house keeps its own rules (ARCHITECTURE.md): which room may include which, one namespace a room, names
that say something, no large files, no addresses of registries and no paths of somebody's machine.

usage: check.py [ROOT]      (default: the tree this file lies in)

Prints one line "FILE:LINE: what, why" per breach; exit code 1 when there is any.
"""

import os
import pathlib
import re
import subprocess
import sys

# Room -> the rooms that it may include besides itself. A room is the longest of these folders that holds the file.
STAGE = {"agent/model", "profile", "base", "agent/telemetry", "proto"}
ARROWS = {
    "base": set(),
    "proto": set(),
    "profile": {"base", "proto"},
    "http": {"base"},
    # Kernel side.
    "bpf": {"bpf/abi"},
    "bpf/abi": set(),
    # The agent: what all stages speak, tool rooms, stages, and what surrounds them.
    "agent/model": {"base", "profile", "proto"},
    "agent/telemetry": {"base", "proto", "http"},
    "agent/kernel": {"base", "agent/model", "agent/telemetry", "bpf/abi", "bpf"},
    "agent/elf": {"base", "agent/model", "bpf/abi"},
    "agent/names": {"base", "agent/elf"},
    "agent/worker": {"base", "agent/elf", "agent/model", "agent/names"},
    "agent/process": STAGE | {"bpf/abi"},
    "agent/kubernetes": STAGE,
    "agent/capture": STAGE | {"agent/kernel", "bpf/abi"},
    "agent/unwind": STAGE | {"agent/kernel", "agent/elf", "agent/names", "agent/worker", "bpf/abi"},
    "agent/aggregate": STAGE,
    "agent/symbolize": STAGE | {"agent/elf", "agent/names", "agent/worker"},
    "agent/export": STAGE,
    "agent/control": STAGE,
    "agent/doctor": STAGE | {"agent/kernel", "agent/export"},
    "agent/app": STAGE | {"agent/kernel", "agent/elf", "agent/worker", "agent/process", "agent/kubernetes", "agent/capture", "agent/unwind",
                          "agent/aggregate", "agent/symbolize", "agent/export", "agent/control", "agent/doctor"},
    "agent": {"agent/app", "agent/control", "agent/names", "base"},  # the programs' mains
    # The collector, in the way of the data.
    "collector/store": {"profile", "base", "proto"},
    "collector/ingest": {"collector/store", "profile", "base", "proto"},
    "collector/query": {"collector/store", "profile", "base", "proto"},
    "collector/page": {"base"},
    "collector/web": {"collector/query", "collector/page", "collector/store", "profile", "base", "proto", "http"},
    "collector/app": {"collector/store", "collector/ingest", "collector/query", "collector/page", "collector/web",
                      "profile", "base", "proto", "http"},
    "collector": {"collector/app", "base"},
    # The command line.
    "agentctl": {"profile", "base", "proto"},
}
# Tests outside the rooms may look anywhere.
FREE = ("tests/",)

# Room -> namespace under sonde::, where it is not the folder's own name ("export" is a word of C++).
NAMESPACES = {"agent/export": "exporting", "collector/page": "page"}
NO_NAMESPACE = {"bpf", "bpf/abi", "proto"}

# Headers that one room only may include: their library is that room's business.
OWNED_HEADERS = {
    r"<bpf/.*>|<linux/perf_event\.h>": ({"agent/kernel", "bpf", "bpf/abi"}, "agent/kernel alone calls libbpf and perf_event_open"),
    r"<sqlite3\.h>": ({"collector/store"}, "collector/store alone speaks to SQLite"),
    # What opens no ELF file: plans, tables, places and notes.
    r'"agent/elf/(?!(build_id|byte_source|debug_extract|debug_file_places|limits|unwind_table)\.h").*"': (
        {"agent/elf", "agent/names"}, "files of other processes are parsed in the worker alone"),
    r"<microhttpd\.h>": ({"http"}, "http alone speaks to libmicrohttpd"),
}
# Headers that cost seconds to compile: in .cpp files only.
HEAVY_HEADERS = re.compile(r"[<\"](CLI/|nlohmann/|yaml-cpp/|grpcpp/grpcpp\.h)")

EMPTY_NAMES = re.compile(r"(^|[_\-])(util|utils|common|manager|helper|helpers|data)($|[_\-])", re.IGNORECASE)
MAX_FILE_BYTES = 100_000
# Registries' addresses, and paths that exist on one machine only. Written in pieces, so that this file is not a breach.
FOREIGN = re.compile("|".join((
    r"deb[.]debian[.]org", r"registry[.]npmjs", r"npmjs[.]com", r"pypi[.]org", r"pythonhosted[.]org", r"proxy[.]golang[.]org",
    r"crates[.]io", r"repo1?[.]maven", r"/work[/]", r"/tmp/build[-]", r"/home/[a-z]", r"/opt/wheel[s]")))

CODE = (".h", ".hpp", ".c", ".cc", ".cpp")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])')
NAMESPACE = re.compile(r"^namespace (sonde(?:::\w+)*)\b(?!.*=)")


def tracked_files(root):
    """What is in the repository, or what would be: files that git ignores are nobody's business."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             capture_output=True)
    if listing.returncode != 0:
        sys.exit(f"check.py: {root} is not a git work tree: {listing.stderr.decode().strip()}")
    return sorted(name for name in listing.stdout.decode().split("\0") if name and (root / name).is_file())


def room_of(path):
    """The longest folder of ARROWS that holds `path`; None outside every room."""
    folder = pathlib.PurePosixPath(path).parent
    for candidate in (folder, *folder.parents):
        if str(candidate) in ARROWS:
            return str(candidate)
    return None


def included_file(root, path, name):
    """As the compiler looks it up: beside the includer first (the BPF side writes its includes so), then from the root."""
    beside = pathlib.PurePosixPath(os.path.normpath(pathlib.PurePosixPath(path).parent / name))
    return beside if (root / beside).is_file() else name


def include_breaches(root, path, room, lines):
    for at, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        for pattern, (owners, why) in OWNED_HEADERS.items():
            if re.fullmatch(pattern, header) and room not in owners and not path.endswith("_test.cpp"):
                yield f"{path}:{at}: includes {header}: {why}"
        if HEAVY_HEADERS.match(header) and path.endswith((".h", ".hpp")):
            yield f"{path}:{at}: includes {header} in a header: it costs every includer seconds; keep it in one .cpp file"
        if header.startswith("<"):
            continue
        seen = room_of(included_file(root, path, header.strip('"')))
        if seen is not None and seen != room and seen not in ARROWS[room]:
            allowed = ", ".join(sorted(ARROWS[room])) or "nothing else here"
            yield f"{path}:{at}: {room} includes {header} of {seen}: no such arrow; {room} sees {allowed}"


def namespace_breaches(path, room, lines):
    if room in NO_NAMESPACE or not path.endswith((".h", ".cpp")):
        return
    wanted = "sonde::" + NAMESPACES.get(room, room.rsplit("/", 1)[-1])
    opened = [(at, match.group(1)) for at, match in ((at, NAMESPACE.match(line)) for at, line in enumerate(lines, 1)) if match]
    for at, name in opened:
        if name != wanted and not name.startswith(wanted + "::"):
            yield f"{path}:{at}: opens namespace {name}; everything in {room} lives in {wanted}"
    is_main = any(re.match(r"int main\(", line) for line in lines)
    if not opened and not is_main:
        yield f"{path}:1: opens no namespace; everything in {room} lives in {wanted}"


def text_breaches(path, lines):
    for at, line in enumerate(lines, 1):
        match = FOREIGN.search(line)
        if match:
            yield f"{path}:{at}: names {match.group(0)}: no address of a registry and no path of one machine in the project"


def file_breaches(root, path):
    name = pathlib.PurePosixPath(path)
    size = (root / path).stat().st_size
    if size > MAX_FILE_BYTES:
        yield f"{path}:1: {size} bytes: files over {MAX_FILE_BYTES} bytes are made, not kept"
    for part in (*name.parent.parts, name.name.split(".")[0]):
        if EMPTY_NAMES.search(part):
            yield f"{path}:1: the name '{part}' says nothing about what is inside"
    try:
        lines = (root / path).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return  # a picture
    yield from text_breaches(path, lines)
    if not path.endswith(CODE) or path.startswith(FREE):
        return
    room = room_of(path)
    if room is None:
        yield f"{path}:1: lies in no room of ARROWS; give its folder a row in tests/arrows/check.py"
        return
    yield from include_breaches(root, path, room, lines)
    yield from namespace_breaches(path, room, lines)


def breaches(root):
    for path in tracked_files(root):
        yield from file_breaches(root, path)


def main(arguments):
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parents[2]
    found = list(breaches(root))
    print("\n".join(found) if found else f"{len(tracked_files(root))} files, every arrow holds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
