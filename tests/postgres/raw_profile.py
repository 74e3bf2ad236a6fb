"""What `go tool pprof -raw` prints of a profile, as Python values."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class Location:
    mapping: str  # file name
    names: tuple  # of functions, innermost inlined callee first


@dataclasses.dataclass(frozen=True)
class Sample:
    values: tuple
    stack: tuple  # of Location, leaf first
    labels: dict


@dataclasses.dataclass
class RawProfile:
    types: list  # "delay/nanoseconds"
    samples: list
    mappings: list  # file names

    def index(self, sample_type):
        return self.types.index(sample_type)

    def where(self, **labels):
        """The part whose samples have these labels."""
        samples = [s for s in self.samples if all(s.labels.get(k) == v for k, v in labels.items())]
        return RawProfile(self.types, samples, self.mappings)

    def sum(self, sample_type):
        at = self.index(sample_type)
        return sum(sample.values[at] for sample in self.samples)

    def names(self, mapping):
        """The function names of all stacks in the mapping of this file name."""
        return {name for s in self.samples for place in s.stack if place.mapping == mapping for name in place.names}


def _sections(text):
    head, rest = text.split("\nSamples:\n", 1)
    samples, rest = rest.split("\nLocations\n", 1)
    locations, mappings = rest.split("\nMappings\n", 1)
    return samples.splitlines(), locations.splitlines(), mappings.splitlines()


def _parse_mappings(lines):
    """By id."""
    found = {}
    for line in lines:
        match = re.match(r"(\d+): 0x[0-9a-f]+/0x[0-9a-f]+/0x[0-9a-f]+ (.*?) (\S*) (?:\[[A-Z]+\])*$", line)
        if match is None:
            raise ValueError(f"no mapping: {line!r}")
        found[match[1]] = match[2]
    return found


def _parse_locations(lines, mappings):
    """By id; the lines of inlined callers follow, indented."""
    found, last = {}, None
    for line in lines:
        match = re.match(r" +(\d+): 0x[0-9a-f]+ (?:M=(\d+) )?(.*)$", line)
        if match:
            last, text = match[1], match[3]
            found[last] = [mappings.get(match[2], ""), []]
        else:
            text = line.strip()
        name = re.match(r"(.*) \S*:\d+(?::\d+)? s=-?\d+", text)
        if name:
            found[last][1].append(name[1])
    return {number: Location(mapping, tuple(names)) for number, (mapping, names) in found.items()}


def _parse_samples(lines, locations):
    types = [word.removesuffix("[dflt]") for word in lines[0].split()]
    samples = []
    for line in lines[1:]:
        match = re.match(r" *((?:-?\d+ *)+): ((?:\d+ )*)$", line)
        if match:
            stack = tuple(locations[number] for number in match[2].split())
            samples.append(Sample(tuple(map(int, match[1].split())), stack, {}))
        else:
            samples[-1].labels.update(re.findall(r"(\w+):\[(.*?)\](?= \S+:\[|$)", line.strip()))
    return types, samples


def parse(text):
    sample_lines, location_lines, mapping_lines = _sections(text)
    mappings = _parse_mappings(mapping_lines)
    types, samples = _parse_samples(sample_lines, _parse_locations(location_lines, mappings))
    return RawProfile(types, samples, list(mappings.values()))
