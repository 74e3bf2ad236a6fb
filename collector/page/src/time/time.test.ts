import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeatMapAnswer, Timeline } from "../api_time";
import { timeMarks, valueMarks } from "./axis_marks";
import { cellAt, placeOfStep, strengths, usedRows } from "./heat_rows";
import { layersByGroup, layersByValue, stacked } from "./stacks";

const timeline = {
  by: "reason",
  unit: "nanoseconds",
  step_ms: 60_000,
  times_ms: [0, 60_000],
  series: [
    { value: "idle-poll", total: 90, values: [90, 0] },
    { value: "lock", total: 30, values: [10, 20] },
    { value: "kernel-lock", total: 5, values: [5, 0] },
    { value: "gone fishing", total: 1, values: [0, 1] },
  ],
  rest: { total: 4, values: [4, 0] },
} as unknown as Timeline;

test("reasons are stacked by group, in the order of the overview", () => {
  const layers = layersByGroup(timeline, false).map(({ key, values }) => [key, values]);
  assert.deepEqual(layers, [
    ["lock", [15, 20]],
    ["idle", [90, 0]],
    ["unknown", [0, 1]],
  ]);
  assert.deepEqual(
    layersByGroup(timeline, true).map((layer) => layer.key),
    ["lock", "unknown"],
  );
});

test("other labels are stacked as they come, with what is beyond the limit on top", () => {
  assert.deepEqual(
    layersByValue(timeline)
      .map((layer) => layer.name)
      .at(-1),
    "all others",
  );
});

test("layers lie on each other, and a step without profiles is a gap", () => {
  const of = (...values: number[]) => ({ key: "", name: "", help: "", values });
  assert.deepEqual(stacked([of(1, 0, 3), of(2, 0, 0)], 10), [
    [10, null, 30],
    [30, null, 30],
  ]);
  assert.deepEqual(stacked([], 1), []);
});

const heat: HeatMapAnswer = {
  counted: true,
  step_ms: 1000,
  times_ms: [0, 1000, 2000, 3000],
  low: [512, 1024, 2048, 4096],
  waits: [
    [0, 0, 0, 0],
    [1, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 5, 0],
  ],
  values: [
    [0, 0, 0, 0],
    [9, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 90, 0],
  ],
};

test("rows of a heat map reach from the shortest to the longest wait", () => {
  assert.deepEqual(usedRows(heat), { first: 1, last: 3 });
  assert.equal(usedRows({ ...heat, waits: heat.low.map(() => [0]), values: heat.low.map(() => [0]) }), null);
});

test("a place in a heat map is a cell, the longest waits on top", () => {
  const whole = { from: 0, to: 4000 };
  assert.deepEqual(cellAt(heat, whole, 0.6, 0.1), { row: 3, step: 2 });
  assert.deepEqual(cellAt(heat, whole, 0, 0.99), { row: 1, step: 0 });
  assert.equal(cellAt(heat, whole, 1, 0.5), null);
  assert.deepEqual(cellAt(heat, { from: 2500, to: 4500 }, 0, 0), { row: 3, step: 2 });
  assert.equal(cellAt(heat, { from: -1000, to: 4000 }, 0.1, 0.5), null); // before the first step
  assert.equal(placeOfStep(heat, { from: 2500, to: 4500 }, 2), -0.25);
});

test("the strongest cell is fully coloured, an empty one not at all", () => {
  const cells = strengths(heat.waits);
  assert.equal(cells[3]![2], 1);
  assert.equal(cells[0]![0], 0);
  assert.ok(cells[1]![0]! > 0.12 && cells[1]![0]! < 1);
});

test("an axis of values is marked at round numbers, not too many", () => {
  assert.deepEqual(valueMarks(10.5, 4), [0, 5, 10]);
  assert.deepEqual(valueMarks(0.021, 3), [0, 0.01, 0.02]);
  assert.deepEqual(valueMarks(1, 1), [0, 1]);
});

test("an axis of time is marked at round instants of the reader's time zone", () => {
  const at = (hour: number, minute: number) => new Date(2026, 5, 1, hour, minute).getTime();
  const quarter = timeMarks({ from: at(9, 58), to: at(10, 13) }, 4);
  assert.deepEqual(quarter, { seconds: 300, marks: [at(10, 0), at(10, 5), at(10, 10)] });
  const days = timeMarks({ from: at(0, 1), to: at(0, 1) + 400 * 86_400_000 }, 10);
  assert.equal(days.seconds, 42 * 86_400);
  assert.ok(days.marks.every((mark) => new Date(mark).getMinutes() === 0));
});
