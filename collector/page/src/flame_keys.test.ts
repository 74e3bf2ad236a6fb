import assert from "node:assert/strict";
import { test } from "node:test";
import { stepFocus, stepTowards } from "./flame_keys";
import { FlameLayout } from "./layout";
import { columnsOf, SAMPLE } from "./tree_for_tests";

// all 0, main 1, work 2, work 3, leaf 4, wait 5, idle 6
const layout = new FlameLayout(columnsOf(SAMPLE));

test("arrows walk to parents, first children and neighbours", () => {
  assert.equal(stepFocus(layout, 2, 0, "ArrowUp"), 1);
  assert.equal(stepFocus(layout, 1, 0, "ArrowDown"), 2);
  assert.equal(stepFocus(layout, 2, 0, "ArrowRight"), 5);
  assert.equal(stepFocus(layout, 6, 0, "ArrowLeft"), 1);
});

test("at an edge the focus stays", () => {
  assert.equal(stepFocus(layout, 0, 0, "ArrowUp"), 0);
  assert.equal(stepFocus(layout, 4, 0, "ArrowDown"), 4);
  assert.equal(stepFocus(layout, 6, 0, "ArrowRight"), 6);
});

test("sideways never leaves the zoomed frame", () => assert.equal(stepFocus(layout, 1, 1, "ArrowRight"), 1));

test("down from above the zoomed frame leads to it", () => assert.equal(stepFocus(layout, 1, 5, "ArrowDown"), 5));

test("End follows the heaviest path, Home returns", () => {
  assert.equal(stepFocus(layout, 0, 0, "End"), 4);
  assert.equal(stepFocus(layout, 4, 1, "Home"), 1);
});

test("other keys are left alone", () => assert.equal(stepFocus(layout, 1, 0, "a"), null));

test("a step towards a frame is the next one on the way, and none where the way does not lead", () => {
  assert.equal(stepTowards(layout, 0, 4), 1);
  assert.equal(stepTowards(layout, 2, 4), 3);
  assert.deepEqual(
    [5, 2, -1].map((target) => stepTowards(layout, 2, target)),
    [2, 2, 2],
  );
});
