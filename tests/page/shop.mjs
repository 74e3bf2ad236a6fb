// What the tests' collector holds: services with known shares, one whose names are hostile, one of fifty thousand frames.
const APP = "/usr/bin/shop";
const frame = (name, file = APP) => ({ name, file });

export const SCRIPT = `<script>document.title="taken"</script>`;
export const IMAGE = `<img src=x onerror='document.title="taken"'>"quoted" & more`;
export const REVERSED = "safe\u202Egpj.exe";
export const COLOURED = "\u001b[31mred\u001b[0m";
export const HOSTILE_SERVICE = `<b>"bold"</b> & 'co'`;

// checkout, 10 s on CPU: main 6 s (work → work → memcpy 5 s, own 1 s), idle_loop 4 s.
const CPU = [
  { frames: [frame("main"), frame("work"), frame("work"), frame("memcpy", "libc.so.6")], seconds: 5 },
  { frames: [frame("main")], seconds: 1 },
  { frames: [frame("idle_loop", "[kernel.kallsyms]")], seconds: 4 },
];
const WAITS = [
  { frames: [frame("main"), frame("read_file")], seconds: 30, reason: "disk" },
  { frames: [frame("main"), frame("take_lock")], seconds: 10, reason: "run-queue" },
];
// Of one of these two how long it was is counted.
const LENGTHS = [{ frames: [frame("[waits of 8.59 s to 17.2 s]")], reason: "run-queue" }];
const WALL = [{ frames: CPU[0].frames, seconds: 60, reason: "on-cpu" }, ...WAITS];
const GROWTH = [
  { frames: [frame("main"), frame("fill_cache")], bytes: 3 << 20 },
  { frames: [frame("main"), frame("log")], bytes: 1 << 20 },
];
const HOSTILE = [SCRIPT, IMAGE, REVERSED, COLOURED].map((name) => ({
  frames: [frame("main"), frame(name, name)],
  seconds: 1,
}));

const MINUTE = 60_000;
export const NOW = Date.now();
export const BEFORE = { from: NOW - 180 * MINUTE, to: NOW - 179 * MINUTE };
export const AFTER = { from: NOW - 120 * MINUTE, to: NOW - 119 * MINUTE };

// release: parse 50% before and 20% after, render 50% and 60%, and cache which is new.
const OLD_RELEASE = [
  { frames: [frame("main"), frame("parse")], seconds: 5 },
  { frames: [frame("main"), frame("render")], seconds: 5 },
];
const NEW_RELEASE = [
  { frames: [frame("main"), frame("parse")], seconds: 4 },
  { frames: [frame("main"), frame("render")], seconds: 12 },
  { frames: [frame("main"), frame("cache")], seconds: 4 },
];

export async function fillShop(pusher) {
  await pusher.push("cpu", "checkout", CPU, { comments: ["lost: 7 samples"] });
  await pusher.push("offcpu", "checkout", WAITS);
  await pusher.push("wait_lengths", "checkout", LENGTHS);
  await pusher.push("wall", "checkout", WALL);
  await pusher.push("faults", "checkout", GROWTH);
  await pusher.push("cpu", HOSTILE_SERVICE, HOSTILE);
}

// checkout yesterday at noon: 80% of its waits for a peer.
const YESTERDAY = [
  { frames: [frame("main"), frame("from_upstream")], seconds: 40, reason: "receive" },
  { frames: [frame("main"), frame("read_file")], seconds: 10, reason: "disk" },
];

function noonYesterday() {
  const noon = new Date(NOW);
  noon.setDate(noon.getDate() - 1);
  return noon.setHours(12, 0, 0, 0);
}

export async function fillReleases(pusher) {
  await pusher.push("cpu", "release", OLD_RELEASE, { beginMs: BEFORE.from });
  await pusher.push("cpu", "release", NEW_RELEASE, { beginMs: AFTER.from });
  await pusher.push("cpu", "rollout", OLD_RELEASE, { more: { version: "1" } });
  await pusher.push("cpu", "rollout", NEW_RELEASE, { more: { version: "2" } });
  for (const kind of ["offcpu", "wall"]) await pusher.push(kind, "checkout", YESTERDAY, { beginMs: noonYesterday() });
}

// 5,000 stacks that part below their second frame: some 50,000 nodes, of 5,000 functions.
export function pushForest(pusher) {
  const stack = (i) => {
    const below = Array.from({ length: 10 }, (_, depth) =>
      frame(`function_${(i * 7 + depth * 131) % 5000}`, `/lib/lib${depth}.so`),
    );
    return { frames: [frame("main"), frame(`worker_${i % 50}`), ...below], seconds: 0.001 * (1 + (i % 97)) };
  };
  return pusher.push(
    "cpu",
    "forest",
    Array.from({ length: 5000 }, (_, i) => stack(i)),
  );
}
