import assert from "node:assert/strict";
import { test } from "node:test";
import { FlameLayout } from "../layout";
import { columnsOf, SAMPLE } from "../tree_for_tests";
import { mainPath, openRows, stepRow } from "./open_rows";

const layout = new FlameLayout(columnsOf(SAMPLE));
const rows = openRows(layout, 0, (node) => node < 2); // everything and main

test("rows are what stands under open rows", () => {
  assert.deepEqual(
    rows.map(({ node, level, place, siblings, open }) => [node, level, place, siblings, open]),
    [
      [0, 1, 1, 1, true],
      [1, 2, 1, 2, true],
      [2, 3, 1, 2, false],
      [5, 3, 2, 2, null],
      [6, 2, 2, 2, null],
    ],
  );
});

test("the main path ends where no branch has half of what is above it", () => {
  assert.deepEqual(mainPath(layout, 0), [0, 1, 2, 3, 4]);
});

test("arrow keys walk, open and shut", () => {
  assert.deepEqual(stepRow(rows, 0, "ArrowDown"), { at: 1, toggle: false });
  assert.deepEqual(stepRow(rows, 2, "ArrowRight"), { at: 2, toggle: true });
  assert.deepEqual(stepRow(rows, 1, "ArrowRight"), { at: 2, toggle: false });
  assert.deepEqual(stepRow(rows, 3, "ArrowRight"), { at: 3, toggle: false });
  assert.deepEqual(stepRow(rows, 3, "ArrowLeft"), { at: 1, toggle: false });
  assert.deepEqual(stepRow(rows, 1, "ArrowLeft"), { at: 1, toggle: true });
  assert.deepEqual(stepRow(rows, 4, "ArrowDown"), { at: 4, toggle: false });
  assert.deepEqual([stepRow(rows, 2, "Home")!.at, stepRow(rows, 2, "End")!.at], [0, 4]);
  assert.equal(stepRow(rows, 2, "x"), null);
});
