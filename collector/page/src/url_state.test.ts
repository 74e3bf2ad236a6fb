import assert from "node:assert/strict";
import { test } from "node:test";
import { baseWindow, dayOf, DEFAULTS, formatState, moved, parseState, windowOf, zoomedTime, type ViewState } from "./url_state";

const CHANGED: ViewState = {
  view: "diff",
  kind: "wall",
  range: "6h",
  pinned: { from: 1700000000000, to: 1700000060000 },
  service: 'a&b="c"',
  labels: 'node=~"a|b", unit="x"',
  group: "process",
  reasons: ["disk", "kernel-lock"],
  focus: "a+b",
  ignore: "#&?",
  folded: ["f(int, long)", "g&h"],
  recursion: "merged",
  inverted: true,
  nodes: 50000,
  colorBy: "reason",
  zoom: "abc123",
  search: "^std::.*\\(",
  exactCase: true,
  fn: "<script>",
  base: { from: 1600000000000, to: 1600000060000 },
  baseService: "",
  baseLabels: 'version="1"',
  scale: "rate",
  timeBy: "service_name",
  heatOf: "values",
  sortOverview: "lock",
  sortTable: "total",
  overviewShut: true,
  allServices: true,
  busyBars: true,
  live: true,
  theme: "dark",
};

test("the defaults need no query string", () => {
  assert.equal(formatState(DEFAULTS), "");
  assert.deepEqual(parseState(""), DEFAULTS);
});

test("every choice survives the way through the address", () => {
  assert.deepEqual(parseState(formatState(CHANGED)), CHANGED);
});

test("each choice is of another value than its default, so that none is forgotten above", () => {
  for (const [name, value] of Object.entries(CHANGED))
    assert.notDeepEqual(value, DEFAULTS[name as keyof ViewState], name);
});

test("a service without a name is not the same as all services", () => {
  const none = { ...DEFAULTS, service: "" };
  assert.deepEqual(parseState(formatState(none)), none);
});

test("words it does not know become defaults", () => {
  assert.deepEqual(parseState("?kind=heap&range=9y&nodes=7&services_by=x&top_by=y&from=5&to=abc"), DEFAULTS);
  assert.equal(parseState("?from=20&to=10").pinned, null);
});

test("the window ends now unless it is pinned", () => {
  assert.deepEqual(windowOf(DEFAULTS, 1e12), { from: 1e12 - 900e3, to: 1e12 });
  assert.deepEqual(windowOf(CHANGED, 1e12), CHANGED.pinned);
});

test("a window moves by its own length", () => {
  assert.deepEqual(moved({ from: 100, to: 130 }, -1), { from: 70, to: 100 });
  assert.deepEqual(zoomedTime({ from: 100, to: 140 }, 0.5), { from: 110, to: 130 });
  assert.deepEqual(zoomedTime({ from: 100, to: 140 }, 2), { from: 80, to: 160 });
});

test("a difference is taken from the time before, or from others at the same time", () => {
  const now = { from: 100, to: 130 };
  assert.deepEqual(baseWindow(DEFAULTS, now), { from: 70, to: 100 });
  assert.deepEqual(baseWindow({ ...DEFAULTS, baseLabels: 'version="1"' }, now), now);
  assert.deepEqual(baseWindow({ ...DEFAULTS, base: { from: 1, to: 2 }, baseService: "x" }, now), { from: 1, to: 2 });
});

test("a day is from midnight to midnight where the reader is, and today ends now", () => {
  const now = new Date(2026, 2, 1, 10, 30).getTime();
  const midnight = (month: number, day: number) => new Date(2026, month, day).getTime();
  assert.deepEqual(dayOf(now, 1), { from: midnight(1, 28), to: midnight(2, 1) });
  assert.deepEqual(dayOf(now, 0), { from: midnight(2, 1), to: now });
});
