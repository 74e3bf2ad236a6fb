// Writes pprofs with known shares and pushes them to a collector as an agent does.
import { randomUUID } from "node:crypto";
import { gzipSync } from "node:zlib";
import grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

// What the series of each kind look like on the wire (profile/kind.h).
const KINDS = {
  cpu: {
    name: "process_cpu",
    types: [
      ["samples", "count"],
      ["cpu", "nanoseconds"],
    ],
    period: ["cpu", "nanoseconds"],
  },
  offcpu: {
    name: "off_cpu",
    types: [
      ["waits", "count"],
      ["delay", "nanoseconds"],
    ],
    period: ["waits", "count"],
  },
  wall: { name: "wall", types: [["wall", "nanoseconds"]], period: ["wall", "nanoseconds"] },
  faults: {
    name: "page_faults",
    types: [
      ["faults", "count"],
      ["bytes", "bytes"],
    ],
    period: ["faults", "count"],
  },
  wait_lengths: { name: "wait_lengths", types: [["wait_lengths", "count"]], period: ["wait_lengths", "count"] },
};

export class Pusher {
  constructor(protoRoot, address) {
    const files = ["proto/push/v1/push.proto", "proto/perftools/profile.proto"];
    const definitions = loadSync(files, { includeDirs: [protoRoot] });
    this.profileType = definitions["perftools.profiles.Profile"];
    const { push } = grpc.loadPackageDefinition(definitions);
    this.client = new push.v1.PusherService(address, grpc.credentials.createInsecure());
  }

  // `stacks`: { frames: [{ name, file }, ...] root first, seconds or bytes, reason? }; a window of a minute that begins at
  // `beginMs`, the last one if it is not given; `more` labels of the series. Rejects when the collector refuses.
  push(kind, service, stacks, { comments = [], beginMs = Date.now() - 60_000, more = {} } = {}) {
    const profile = this.profileType.serialize(buildProfile(KINDS[kind], stacks, comments, beginMs));
    const pairs = Object.entries({ __name__: KINDS[kind].name, service_name: service, ...more });
    const labels = pairs.map(([name, value]) => ({ name, value }));
    const samples = [{ rawProfile: gzipSync(profile), ID: randomUUID() }];
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + 10_000;
      this.client.Push({ series: [{ labels, samples }] }, { deadline }, (error) => (error ? reject(error) : resolve()));
    });
  }

  close() {
    this.client.close();
  }
}

function buildProfile(kind, stacks, comments, beginMs) {
  const strings = new Table([""], (text) => text);
  const mappings = new Table([], (file) => file);
  const functions = new Table([], (frame) => `${frame.file}\n${frame.name}`);
  const valueType = ([type, unit]) => ({ type: strings.at(type), unit: strings.at(unit) });
  const sample = ({ frames, seconds, bytes, reason }) => ({
    locationId: frames.map((frame) => (mappings.at(frame.file), functions.at(frame) + 1)).reverse(),
    value: kind.types.map(([, unit]) => (unit === "count" ? 1 : unit === "bytes" ? bytes : seconds * 1e9)),
    label: reason ? [{ key: strings.at("reason"), str: strings.at(reason) }] : [],
  });
  return {
    sampleType: kind.types.map(valueType),
    periodType: valueType(kind.period),
    period: 1,
    timeNanos: String(BigInt(beginMs) * 1_000_000n),
    durationNanos: 60e9,
    comment: comments.map((text) => strings.at(text)),
    sample: stacks.map(sample),
    location: functions.items.map((frame, i) => ({
      id: i + 1,
      mappingId: mappings.at(frame.file) + 1,
      address: 0x1000 + i,
      line: [{ functionId: i + 1 }],
    })),
    function: functions.items.map((frame, i) => ({ id: i + 1, name: strings.at(frame.name) })),
    mapping: mappings.items.map((file, i) => ({
      id: i + 1,
      memoryStart: 0x1000,
      memoryLimit: 0x9000,
      filename: strings.at(file),
      hasFunctions: true,
    })),
    stringTable: strings.items,
  };
}

// Items stored once, by key, and their positions.
class Table {
  constructor(items, keyOf) {
    this.items = items;
    this.keyOf = keyOf;
    this.positions = new Map(items.map((item, i) => [keyOf(item), i]));
  }

  at(item) {
    const key = this.keyOf(item);
    if (!this.positions.has(key)) this.positions.set(key, this.items.push(item) - 1);
    return this.positions.get(key);
  }
}
