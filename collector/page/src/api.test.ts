import assert from "node:assert/strict";
import { test } from "node:test";
import { selector } from "./api";

test("a selector has the service, what was typed, and the reasons", () => {
  assert.equal(selector({ service: null, labels: "" }), "");
  assert.equal(selector({ service: 'a"b\\c', labels: "" }), '{service_name="a\\"b\\\\c"}');
  assert.equal(selector({ service: "x", labels: '{node="y"}' }), '{service_name="x", node="y"}');
  assert.equal(selector({ service: null, labels: "", reasons: ["disk", "lock"] }), '{reason=~"disk|lock"}');
});
