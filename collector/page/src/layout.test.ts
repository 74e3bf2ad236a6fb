import assert from "node:assert/strict";
import { test } from "node:test";
import { FlameLayout } from "./layout";
import { sortRows, topFunctions } from "./top_functions";
import { columnsOf, SAMPLE } from "./tree_for_tests";

const layout = new FlameLayout(columnsOf(SAMPLE));
const nodeOf = (name: string) => [...layout.name].findIndex((n) => layout.names[n] === name);

test("children begin where their elder sibling ends", () => {
  assert.deepEqual([...layout.start], [0, 0, 0, 0, 0, 35, 65]);
  assert.deepEqual([...layout.total], [105, 65, 35, 35, 30, 20, 40]);
});

test("a node's range of descendants and its parent are known", () => {
  assert.deepEqual([...layout.end], [7, 6, 5, 5, 5, 6, 7]);
  assert.deepEqual([...layout.parent], [-1, 0, 1, 2, 3, 1, 0]);
});

test("waits are counted where the profile counts them", () => {
  const columns = columnsOf(SAMPLE);
  assert.deepEqual(
    [...layout.waits],
    columns.depth.map(() => 0),
  );
  const counted = new FlameLayout({ ...columns, waits: [9, 5, 4, 4, 3, 1, 4] });
  assert.equal(counted.waits[nodeOf("main")], 5);
  assert.throws(() => new FlameLayout({ ...columns, waits: [1] }), /unequal length/);
});

test("inlined frames are known where the collector tells of them", () => {
  assert.equal(layout.inlined.size, 0);
  assert.deepEqual([...new FlameLayout({ ...columnsOf(SAMPLE), inlined: [2, 4] }).inlined], [2, 4]);
});

test("a point finds the frame under it and nothing beside it", () => {
  assert.equal(layout.hit(1, 64.9), nodeOf("main"));
  assert.equal(layout.hit(1, 65), nodeOf("idle"));
  assert.equal(layout.hit(2, 54), nodeOf("wait"));
  assert.equal(layout.hit(2, 56), -1); // main's own time has nothing below it
  assert.equal(layout.hit(1, 105), -1);
  assert.equal(layout.hit(9, 1), -1);
});

test("steps to neighbours, parents and children stay inside the tree", () => {
  assert.equal(layout.neighbour(nodeOf("main"), 1), nodeOf("idle"));
  assert.equal(layout.neighbour(nodeOf("idle"), 1), -1);
  assert.equal(layout.firstChild(nodeOf("main")), nodeOf("work"));
  assert.equal(layout.firstChild(nodeOf("idle")), -1);
});

test("a path's key is the same in another profile and differs between frames of one", () => {
  const other = new FlameLayout(
    columnsOf({ name: "all", below: [{ name: "idle", file: "[kernel.kallsyms]", self: 9 }, SAMPLE.below![0]!] }),
  );
  assert.equal(other.findPath(layout.pathKey(nodeOf("leaf"))), 5);
  assert.equal(new Set([...layout.start.keys()].map((i) => layout.pathKey(i))).size, layout.size);
  assert.equal(layout.findPath("nowhere"), null);
});

test("columns that are no tree are refused", () => {
  const good = columnsOf(SAMPLE);
  assert.throws(() => new FlameLayout({ ...good, depth: [0, 2, 2, 3, 4, 2, 1] }), /no parent/);
  assert.throws(() => new FlameLayout({ ...good, name: good.name.slice(1) }), /unequal/);
  assert.throws(() => new FlameLayout({ ...good, file: good.file.map(() => 99) }), /no file/);
  assert.throws(() => new FlameLayout({ ...good, depth: good.depth.map((d) => d + 1) }), /root/);
});

test("recursion counts once in a function's total", () => {
  const work = topFunctions(layout, 0, 1).find((row) => row.name === "work")!;
  assert.deepEqual(work, { name: "work", file: "/bin/app", self: 5, total: 35, waits: 0 });
});

test("a function called from two places counts both", () => {
  const twice = new FlameLayout(
    columnsOf({
      name: "all",
      below: [
        { name: "a", below: [{ name: "f", self: 3 }] },
        { name: "b", below: [{ name: "f", self: 2 }] },
      ],
    }),
  );
  assert.equal(topFunctions(twice, 0, 1).find((row) => row.name === "f")!.total, 5);
});

test("the functions' own times add up to the view and sort by the chosen column", () => {
  const rows = topFunctions(layout, nodeOf("main"), 1);
  assert.equal(
    rows.reduce((sum, row) => sum + row.self, 0),
    65,
  );
  assert.deepEqual(
    sortRows(rows, "self").map((row) => row.name),
    ["leaf", "wait", "main", "work"],
  );
  assert.deepEqual(
    sortRows(rows, "total").map((row) => row.name),
    ["main", "work", "leaf", "wait"],
  );
});

test("fifty thousand nodes in one chain are laid out without recursion", () => {
  const size = 50_000;
  const same = (value: number) => new Array<number>(size).fill(value);
  const deep = new FlameLayout({
    names: ["f"],
    files: [""],
    depth: [...same(0).keys()],
    total_values: same(1),
    self_values: same(0),
    name: same(0),
    file: same(0),
  });
  assert.equal(deep.rows.length, size);
  assert.equal(topFunctions(deep, 0, 0)[0]!.total, 1);
});
