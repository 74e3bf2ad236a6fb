"""A disk that loses its power: what of a folder may be there afterwards, by the calls that disk_calls.c has noted."""

import dataclasses
import struct

CALL = struct.Struct("<c3xiQQ64s64s")


@dataclasses.dataclass
class Call:
    what: str
    fd: int
    offset: int
    name: str
    to: str
    bytes: bytes


def read_calls(path):
    data, at, calls = path.read_bytes(), 0, []
    while at < len(data):
        what, fd, offset, size, name, to = CALL.unpack_from(data, at)
        at += CALL.size
        what = what.decode()
        length = size if what in "WP" else 0
        calls.append(Call(what, fd, offset, name.rstrip(b"\0").decode(), to.rstrip(b"\0").decode(), data[at:at + length]))
        at += length
    return calls


class File:
    """What is on the disk for sure, and what was asked for since."""

    def __init__(self):
        self.synced, self.since = bytearray(), []

    def apply(self, content, call):
        if call.what == "W":
            content.extend(bytes(max(0, call.offset + len(call.bytes) - len(content))))
            content[call.offset:call.offset + len(call.bytes)] = call.bytes
        elif call.what == "T" and call.offset < len(content):
            del content[call.offset:]
        else:
            content.extend(bytes(max(0, call.offset - len(content))))

    def sync(self):
        for call in self.since:
            self.apply(self.synced, call)
        self.since = []

    def after_a_cut(self, chance):
        """Each write since the last sync may be there, or not, or up to a sector's end; never one before it undone."""
        content = bytearray(self.synced)
        for call in self.since:
            kind = chance.random()
            if kind < 0.4:
                self.apply(content, call)
            elif kind < 0.7 and call.what == "W":
                kept = chance.randrange(0, len(call.bytes) + 1, 512)
                self.apply(content, dataclasses.replace(call, bytes=call.bytes[:kept]))
                # The file may be as long as it was to become, without the bytes.
                if chance.random() < 0.5:
                    content.extend(bytes(max(0, call.offset + len(call.bytes) - len(content))))
        return bytes(content)


class Disk:
    def __init__(self):
        self.open = {}      # by descriptor: File, or None for the folder
        self.names = {}     # as the program sees them
        self.synced = {}    # as they are on the disk for sure
        self.since = []     # changes of names since the folder was synced

    def change(self, names, what, one, other):
        if what == "R":
            names[other] = names.pop(one)
        elif what == "U":
            names.pop(one, None)
        else:
            names[one] = other

    def note(self, *change):
        self.change(self.names, *change)
        self.since.append(change)

    def take(self, call):
        if call.what == "F":
            self.open[call.fd] = None
        elif call.what == "O":
            if call.name not in self.names:
                self.note("L", call.name, File())
            self.open[call.fd] = self.names[call.name]
            if call.offset:  # O_TRUNC
                self.open[call.fd].since.append(dataclasses.replace(call, what="T", offset=0))
        elif call.what == "C":
            self.open.pop(call.fd, None)
        elif call.what in "RU":
            self.note(call.what, call.name, call.to)
        elif call.what == "S":
            if self.open[call.fd] is None:
                for change in self.since:
                    self.change(self.synced, *change)
                self.since = []
            else:
                self.open[call.fd].sync()
        elif call.what in "WTA":
            self.open[call.fd].since.append(call)

    def after_a_cut(self, chance):
        """{name: bytes}: a journal keeps the order of names' changes, so that a first part of them is there."""
        names = dict(self.synced)
        for change in self.since[:chance.randint(0, len(self.since))]:
            self.change(names, *change)
        return {name: file.after_a_cut(chance) for name, file in names.items()}
