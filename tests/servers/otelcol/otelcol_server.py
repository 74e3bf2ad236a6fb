"""A real OpenTelemetry Collector on loopback, and what it wrote of what it was sent."""

import collections
import itertools
import json
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import pushed_profiles  # noqa: E402  knows where the next are
import pprof_file  # noqa: E402
import sonde_processes as sonde  # noqa: E402

SERVER = os.environ.get("SONDE_OTEL_COLLECTOR", "")
PUSH_TOOL = sonde.BUILD / "bin/sonde_otlp_push"
PUSH_TOOLS_INSTANCE = "8d7f2b1c-1111-4222-8333-944455556666"

CONFIGURATION = """
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:{port}
exporters:
  file:
    path: {file}
    flush_interval: 100ms
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    {signal}:
      receivers: [otlp]
      exporters: [file]
"""


class Collector(sonde.Program):
    """One that takes this signal and no other."""

    def __init__(self, folder, signal="profiles"):
        work = pathlib.Path(tempfile.mkdtemp(dir=folder, prefix="otelcol-"))
        self.file = work / "profiles.json"
        self.port = sonde.free_port()
        self.address = f"127.0.0.1:{self.port}"
        configuration = work / "otelcol.yaml"
        configuration.write_text(CONFIGURATION.format(port=self.port, file=self.file, signal=signal))
        super().__init__(folder, [SERVER, "--config", f"file:{configuration}", "--feature-gates", "+service.profilesSupport"])

    def wait_until_ready(self):
        self.wait_until_said("Everything is ready")
        return self

    def stop_and_read(self):
        """Every profile that it was told, decoded, in the order of requests, resources and profiles."""
        exit_code = self.stop()
        if exit_code != 0:
            raise AssertionError(f"the collector ended with {exit_code} and said:\n{self.said()}")
        self.requests = [json.loads(line) for line in self.file.read_text().splitlines()]
        return [told for request in self.requests for told in told_in(request)]


def told_in(request):
    """What one request tells of each of our profiles, or of a part of one."""
    found = []
    for of_resource in request["resourceProfiles"]:
        (of_scope,) = of_resource["scopeProfiles"]
        # The last half of an id is the same in all parts of one profile; the first tells parts apart, and types by its last byte.
        parts = itertools.groupby(of_scope["profiles"], key=lambda profile: (profile["profileId"][16:], profile["profileId"][:14]))
        found += [Told(request["dictionary"], of_resource, list(profiles)) for _, profiles in parts]
    return found


class Told:
    """One of our profiles or a part of one as the collector wrote it: by the names that it gives to what it read."""

    def __init__(self, dictionary, of_resource, profiles):
        self.dictionary, self.of_resource = dictionary, of_resource
        self.strings = self.dictionary["stringTable"]
        self.profiles = [Profile(self, profile) for profile in profiles]

    def sequence(self, instance):
        """The profile's number in this run of an agent, of whose name the ids are made, too."""
        return int(self.profiles[0].id[16:], 16) ^ int(instance.replace("-", "")[16:], 16)

    def entry(self, table, index):
        return self.dictionary[table + "Table"][index]

    def value(self, any_value):
        if "stringValueStrindex" in any_value:
            return self.strings[any_value["stringValueStrindex"]]
        if "arrayValue" in any_value:
            return [self.value(one) for one in any_value["arrayValue"].get("values", [])]
        ((kind, value),) = any_value.items()
        return int(value) if kind == "intValue" else value

    @property
    def resource(self):
        return {attribute.get("key") or self.strings[attribute["keyStrindex"]]: self.value(attribute["value"])
                for attribute in self.of_resource["resource"]["attributes"]}

    def attributes(self, entry):
        found = {}
        for index in entry.get("attributeIndices", []):
            attribute = self.entry("attribute", index)
            found[self.strings[attribute["keyStrindex"]]] = self.value(attribute["value"])
        return found

    def frames(self, index):
        """(symbol, file of the mapping, type) of a stack's frames, leaf first."""
        found = []
        for location in (self.entry("location", i) for i in self.entry("stack", index).get("locationIndices", [])):
            mapping = self.strings[self.entry("mapping", location.get("mappingIndex", 0)).get("filenameStrindex", 0)]
            kind = self.attributes(location).get("profile.frame.type")
            for line in location.get("lines", []):
                function = self.entry("function", line.get("functionIndex", 0))
                symbol = function.get("systemNameStrindex") or function.get("nameStrindex", 0)  # that of its name is not said twice
                found.append((self.strings[symbol], mapping, kind))
        return found

    def frame_types(self):
        """(file of the mapping, type) of the frames that its samples have."""
        stacks = {sample.get("stackIndex", 0) for profile in self.profiles for sample in profile.json["samples"]}
        return {frame[1:] for stack in stacks for frame in self.frames(stack)}


class Profile:
    def __init__(self, told, json_of):
        self.told, self.json = told, json_of
        self.type = self.type_of("sampleType")
        self.period_type = self.type_of("periodType")
        self.period = int(json_of.get("period", 0))
        self.time_ns, self.duration_ns = int(json_of["timeUnixNano"]), int(json_of["durationNano"])
        self.id = json_of["profileId"]

    def type_of(self, field):
        """"cpu/nanoseconds", or "/" when there is none."""
        names = self.json.get(field, {})
        return "/".join(self.told.strings[names.get(part + "Strindex", 0)] for part in ("type", "unit"))

    def sums(self):
        """{(attributes, symbols leaf first): value}."""
        sums = collections.Counter()
        for sample in self.json["samples"]:
            key = (frozenset(self.told.attributes(sample).items()),
                   tuple(symbol for symbol, _, _ in self.told.frames(sample.get("stackIndex", 0))))
            (value,) = sample["values"]
            sums[key] += int(value)
        return sums


def push(address, profiles, folder):
    """Pushes (kind, labels, pprof) as the agent does. What became of each: "OK", or the cause of its loss."""
    return pushed_profiles.push(PUSH_TOOL, address, profiles, folder)
