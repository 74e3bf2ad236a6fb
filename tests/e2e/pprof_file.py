"""Reads and writes the protobuf of pprof files: as much of it as the tests need."""

import collections
import gzip

# Field numbers of perftools.profiles.Profile and what it holds.
SAMPLE_TYPE, SAMPLE, MAPPING, LOCATION, FUNCTION, STRING, TIME, DURATION, PERIOD_TYPE, PERIOD = 1, 2, 3, 4, 5, 6, 9, 10, 11, 12
# Of a function: as it is shown, and as its symbol table has it.
NAME, SYSTEM_NAME, FILE = 2, 3, 4


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field: a number, or bytes (a string, a message, packed numbers)."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    """(number, value) of a message."""
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7} is not used in pprof")
        yield tag >> 3, value


def numbers(value):
    """Of a repeated number: packed or single."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = read_varint(value, at)
        found.append(number)
    return found


# A function at a location, as the profile has it.
Frame = collections.namedtuple("Frame", "name system_name file line start_line")


class Sample:
    def __init__(self, stack, values, labels, frames=()):
        self.stack, self.values, self.labels = stack, values, labels  # function names, leaf first
        self.frames = frames  # the same with all that is known of each

    @property
    def value(self):
        """The last one: nanoseconds, or bytes of the kind faults."""
        return self.values[-1]

    def has(self, *names):
        """Whether it has these functions on its stack, one right above the other, leaf first."""
        return any(tuple(self.stack[i:i + len(names)]) == names for i in range(len(self.stack)))


class Profile:
    def __init__(self):
        self.samples, self.sample_types, self.time_ns, self.duration_ns = [], [], 0, 0

    def total(self, *names, **labels):
        """The value of all samples with these functions and these labels."""
        return sum(s.value for s in self.samples
                   if (not names or s.has(*names)) and all(s.labels.get(k) == v for k, v in labels.items()))


def decode(data, names=NAME):
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    parts = {}
    for number, value in fields(data):
        parts.setdefault(number, []).append(value)
    strings = [s.decode() for s in parts.get(STRING, [])]
    functions, frames = {}, {}
    for message in parts.get(FUNCTION, []):
        found = dict(fields(message))
        functions[found[1]] = strings[found.get(names) or found.get(NAME, 0)]  # one of the same name is not said twice
        frames[found[1]] = Frame(*(strings[found.get(number, 0)] for number in (NAME, SYSTEM_NAME, FILE)), 0, found.get(5, 0))
    locations, places = {}, {}
    for message in parts.get(LOCATION, []):
        found = list(fields(message))
        lines = [dict(fields(line)) for number, line in found if number == 4]
        locations[dict(found)[1]] = [functions[line[1]] for line in lines]
        places[dict(found)[1]] = [frames[line[1]]._replace(line=line.get(2, 0)) for line in lines]
    profile = Profile()
    profile.time_ns = parts.get(TIME, [0])[0]
    profile.duration_ns = parts.get(DURATION, [0])[0]
    profile.sample_types = [tuple(strings[v] for _, v in fields(message)) for message in parts.get(SAMPLE_TYPE, [])]
    for message in parts.get(SAMPLE, []):
        stack, values, labels, known = [], [], {}, []
        for number, value in fields(message):
            if number == 1:
                known += [frame for location in numbers(value) for frame in places[location]]
                stack += [name for location in numbers(value) for name in locations[location] or ["?"]]
            elif number == 2:
                values += numbers(value)
            elif number == 3:
                label = dict(fields(value))
                labels[strings[label[1]]] = strings[label.get(2, 0)]
        profile.samples.append(Sample(stack, values, labels, known))
    return profile


def wall_profile(start_ns, duration_ns, value, function="main"):
    """A plain pprof of kind wall with one stack of one function."""
    strings = ["", "wall", "nanoseconds", function, "/bin/program"]
    wall_ns = field(1, 1) + field(2, 2)
    return b"".join([
        field(SAMPLE_TYPE, wall_ns),
        field(SAMPLE, field(1, varint(1)) + field(2, varint(value))),
        field(MAPPING, field(1, 1) + field(2, 0x1000) + field(3, 0x2000) + field(5, 4)),
        field(LOCATION, field(1, 1) + field(2, 1) + field(3, 0x1100) + field(4, field(1, 1))),
        field(FUNCTION, field(1, 1) + field(2, 3)),
        *(field(STRING, text) for text in strings),
        field(TIME, start_ns), field(DURATION, duration_ns), field(PERIOD_TYPE, wall_ns), field(PERIOD, 1)])
