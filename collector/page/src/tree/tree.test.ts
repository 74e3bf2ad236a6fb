import assert from "node:assert/strict";
import { test } from "node:test";
import { FlameLayout } from "../layout";
import { compileSearch } from "../search";
import { columnsOf, SAMPLE, type Tree } from "../tree_for_tests";
import { functionChanges, sortChanges } from "./changes";
import { difference, scaleOf } from "./difference";
import { isAsSent, shapeTree, type Shape } from "./shape";
import { invert, sandwich } from "./turned";
import { waitsByReason } from "./waits";

const laidOut = (tree: Tree) => new FlameLayout(columnsOf(tree));
const ALL: Shape = {
  underReasons: false,
  showReasons: false,
  reasons: [],
  focus: null,
  ignore: null,
  folded: [],
  recursion: "kept",
};
const shaped = (tree: Tree, shape: Partial<Shape>) => new FlameLayout(shapeTree(laidOut(tree), { ...ALL, ...shape }));

// "outer;inner=self" of every node with a value of its own.
function stacks(layout: FlameLayout): string[] {
  const path = (node: number) =>
    layout
      .pathTo(node)
      .slice(1)
      .map((n) => layout.nameOf(n))
      .join(";");
  return [...layout.self.keys()]
    .filter((node) => layout.self[node]! > 0)
    .map((node) => `${path(node)}=${layout.self[node]}`);
}

const sampleStacks = ["main=10", "main;work;work=5", "main;work;work;leaf=30", "main;wait=20", "idle=40"];
const byReason: Tree = {
  name: "all",
  below: [
    {
      name: "disk",
      below: [{ name: "main", file: "/bin/app", below: [{ name: "read", file: "libc.so.6", self: 30 }] }],
    },
    {
      name: "lock",
      below: [
        {
          name: "main",
          file: "/bin/app",
          self: 1,
          below: [
            { name: "read", file: "libc.so.6", self: 5 },
            { name: "take", file: "/bin/app", self: 50 },
          ],
        },
      ],
    },
  ],
};

test("a tree without a choice keeps every stack", () => {
  assert.ok(isAsSent(ALL));
  assert.deepEqual(stacks(shaped(SAMPLE, {})).sort(), [...sampleStacks].sort());
});

test("only stacks with a match, and stacks without one", () => {
  assert.deepEqual(stacks(shaped(SAMPLE, { focus: compileSearch("^work$") })), [
    "main;work;work=5",
    "main;work;work;leaf=30",
  ]);
  assert.deepEqual(stacks(shaped(SAMPLE, { ignore: compileSearch("libc|kernel") })), ["main=10", "main;work;work=5"]);
  assert.equal(shaped(SAMPLE, { focus: compileSearch("nowhere") }).total[0], 0);
});

test("recursion becomes one frame, all of it or the direct one", () => {
  const merged = ["main=10", "main;work=5", "main;work;leaf=30", "main;wait=20", "idle=40"].sort();
  assert.deepEqual(stacks(shaped(SAMPLE, { recursion: "direct" })).sort(), merged);
  const around: Tree = {
    name: "all",
    below: [{ name: "a", below: [{ name: "b", below: [{ name: "a", self: 2, below: [{ name: "c", self: 3 }] }] }] }],
  };
  assert.deepEqual(stacks(shaped(around, { recursion: "direct" })), ["a;b;a=2", "a;b;a;c=3"]);
  assert.deepEqual(stacks(shaped(around, { recursion: "merged" })), ["a=2", "a;c=3"]);
});

test("what a folded function calls is part of it, wherever it stands", () => {
  assert.ok(!isAsSent({ ...ALL, folded: ["work"] }));
  const folded = shaped(SAMPLE, { folded: ["work"] });
  assert.deepEqual(stacks(folded).sort(), ["main=10", "main;work=35", "main;wait=20", "idle=40"].sort());
  assert.equal(folded.total[0], 105);
});

test("reasons that are not shown are merged, and each frame keeps the one with most of its time", () => {
  const layout = shaped(byReason, { underReasons: true });
  assert.deepEqual(stacks(layout).sort(), ["main=1", "main;read=35", "main;take=50"].sort());
  const reasonOf = (name: string) => layout.reasonOf([...layout.name].findIndex((n) => layout.names[n] === name));
  assert.deepEqual(["main", "read", "take"].map(reasonOf), ["lock", "disk", "lock"]);
});

test("one reason alone leaves its stacks", () => {
  assert.deepEqual(stacks(shaped(byReason, { underReasons: true, reasons: ["disk"] })), ["main;read=30"]);
  const grouped = shaped(byReason, { underReasons: true, showReasons: true, reasons: ["disk"] });
  assert.deepEqual(stacks(grouped), ["disk;main;read=30"]);
});

test("waits and inlined frames come along", () => {
  const columns = { ...columnsOf(SAMPLE), waits: [14, 10, 8, 8, 6, 1, 4], inlined: [3] };
  const layout = new FlameLayout(shapeTree(new FlameLayout(columns), { ...ALL, ignore: compileSearch("^idle$") }));
  assert.equal(layout.waits[0], 10);
  assert.equal(layout.inlined.size, 1);
});

test("an inverted tree holds every stack from its other end", () => {
  const inverted = new FlameLayout(invert(laidOut(SAMPLE)));
  const turned = sampleStacks.map((stack) => {
    const [path, value] = stack.split("=");
    return `${path!.split(";").reverse().join(";")}=${value}`;
  });
  assert.deepEqual(stacks(inverted).sort(), turned.sort());
  assert.equal(inverted.total[0], 105);
});

test("a sandwich has callers and callees of the outermost calls", () => {
  const both = sandwich(laidOut(SAMPLE), "work")!;
  assert.equal(both.total, 35);
  assert.deepEqual(stacks(new FlameLayout(both.callers)), ["main=35"]);
  assert.deepEqual(stacks(new FlameLayout(both.callees)).sort(), ["work=5", "work;leaf=30"].sort());
  assert.equal(sandwich(laidOut(SAMPLE), "nowhere"), null);
});

const BEFORE: Tree = {
  name: "all",
  below: [
    { name: "f", self: 30, below: [{ name: "gone", self: 10 }] },
    { name: "g", self: 10 },
  ],
};
const AFTER: Tree = {
  name: "all",
  below: [
    { name: "f", self: 30 },
    { name: "g", self: 50 },
    { name: "new", self: 20 },
  ],
};

test("a difference has what went away and what came, on one scale", () => {
  const [before, after] = [laidOut(BEFORE), laidOut(AFTER)];
  assert.equal(scaleOf("rate", { total: 50, ms: 60 }, { total: 100, ms: 120 }), 2);
  const diff = difference(before, after, scaleOf("share", { total: 50, ms: 1 }, { total: 100, ms: 9 }));
  const layout = new FlameLayout(diff.columns, undefined, diff);
  const sides = Object.fromEntries([...layout.name].map((_, i) => [layout.nameOf(i), [diff.before[i], diff.after[i]]]));
  assert.deepEqual(sides, { everything: [100, 100], f: [80, 30], gone: [20, 0], g: [20, 50], new: [0, 20] });
  assert.equal(layout.total[0], 100);
});

test("functions are told by their change", () => {
  const changes = sortChanges(functionChanges(laidOut(BEFORE), laidOut(AFTER), 2, 0), "self");
  assert.deepEqual(
    changes.map(({ name, before, after }) => [name, after.self - before.self]),
    [
      ["f", -30],
      ["g", 30],
      ["gone", -20],
      ["new", 20],
    ],
  );
  assert.equal(sortChanges(changes, "total")[0]!.name, "f");
});

test("waits are told by reason, with the program's function that waits", () => {
  const [lock, disk] = waitsByReason(new FlameLayout({ ...columnsOf(byReason), waits: [9, 3, 3, 3, 6, 6, 4, 2] }));
  assert.deepEqual([lock!.reason, lock!.total, lock!.waits], ["lock", 56, 6]);
  assert.deepEqual(
    lock!.places.map(({ name, inside, total, waits }) => [name, inside, total, waits]),
    [
      ["take", "take", 50, 2],
      ["main", "read", 5, 4],
      ["main", "main", 1, 0],
    ],
  );
  const inCall = {
    name: "all",
    below: [
      {
        name: "sleep",
        below: [
          {
            name: "main",
            file: "app",
            below: [
              {
                name: "__x64_sys_clock_nanosleep",
                file: "[kernel]",
                below: [{ name: "schedule", file: "[kernel]", self: 1 }],
              },
            ],
          },
        ],
      },
    ],
  };
  assert.equal(waitsByReason(laidOut(inCall))[0]!.places[0]!.inside, "clock_nanosleep");
  assert.deepEqual(
    disk!.places.map((place) => place.name),
    ["main"],
  );
});
