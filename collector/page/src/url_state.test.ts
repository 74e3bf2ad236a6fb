import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULTS, formatState, parseState, windowOf, type ViewState } from "./url_state";

const CHANGED: ViewState = {
  kind: "wall",
  range: "6h",
  pinned: { from: 1700000000000, to: 1700000060000 },
  service: 'a&b="c"',
  byReason: true,
  nodes: 50000,
  zoom: "abc123",
  search: "^std::.*\\(",
  fn: "<script>",
  sortOverview: "lock",
  sortTable: "total",
  allServices: true,
  busyBars: true,
  live: true,
};

test("the defaults need no query string", () => {
  assert.equal(formatState(DEFAULTS), "");
  assert.deepEqual(parseState(""), DEFAULTS);
});

test("every choice survives the way through the address", () => {
  assert.deepEqual(parseState(formatState(CHANGED)), CHANGED);
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
