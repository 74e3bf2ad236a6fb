import assert from "node:assert/strict";
import { test } from "node:test";
import { REASONS } from "./reasons";
import { PARTS } from "./shares";

test("each reason has two sentences and a group of the overview", () => {
  assert.equal(Object.keys(REASONS).length, 28); // as many as profile/reason.h has
  for (const [name, reason] of Object.entries(REASONS)) {
    assert.match(reason.means, /^[A-Z].*\.$/, name);
    assert.match(reason.advice, /^[a-zA-Z].*\.$/, name);
    assert.ok(
      PARTS.some((part) => part.group === reason.group),
      name,
    );
  }
});
