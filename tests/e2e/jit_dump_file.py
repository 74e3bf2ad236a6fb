"""What a jitdump says, read by its published format (tools/perf/Documentation/jitdump-specification.txt)."""

import struct

HEADER, RECORD, LINES, ENTRY, LOAD = (struct.Struct(form) for form in ("<IIIIIIQQ", "<IIQ", "<QQ", "<Qii", "<IIQQQQ"))
KIND_LOAD, KIND_LINES = 0, 2
SAME_FILE = b"\xff"


def file_names(body):
    """Of a record with lines: each once, in their order."""
    _, entries = LINES.unpack_from(body)
    at, names = LINES.size, []
    for _ in range(entries):
        at += ENTRY.size
        end = body.find(b"\0", at)
        if end < 0:
            return [*names, b"without an end"]
        if body[at:end] != SAME_FILE and body[at:end] not in names:
            names.append(body[at:end])
        at = end + 1
    return names


def file_names_of(path, function):
    """Those that the last code whose name has `function` in it is said to come from; empty: nothing is said."""
    dump = path.read_bytes()
    at = HEADER.unpack_from(dump)[2]
    pending, found = [], []
    while at + RECORD.size <= len(dump):
        kind, size, _ = RECORD.unpack_from(dump, at)
        body = dump[at + RECORD.size:at + size]
        if size < RECORD.size or len(body) + RECORD.size < size:
            break  # it is being written
        if kind == KIND_LINES:
            pending = file_names(body)
        elif kind == KIND_LOAD:
            name = body[LOAD.size:body.find(b"\0", LOAD.size)]
            if function.encode() in name:
                found = pending
            pending = []
        at += size
    return found
