import assert from "node:assert/strict";
import { test } from "node:test";
import type { Flame } from "./api";
import { FlameLayout } from "./layout";
import { shortcomings } from "./shortcomings";
import { columnsOf, SAMPLE, type Tree } from "./tree_for_tests";

const WINDOW = { from: 1_700_000_000_000, to: 1_700_000_900_000 };
const flame = (from: number, to: number) => ({ from_ms: WINDOW.from + from, to_ms: WINDOW.from + to }) as Flame;
const WHOLE = flame(0, 840_000);
const of = (tree: Tree, covered = WHOLE) => shortcomings(covered, new FlameLayout(columnsOf(tree)), WINDOW);

test("a whole profile has nothing to confess", () => assert.deepEqual(of(SAMPLE), []));

test("time without profiles is told, at both ends", () => {
  const said = of(SAMPLE, flame(300_000, 600_000));
  assert.equal(said.length, 2);
  assert.ok(said.every((text) => text.startsWith("window incomplete")));
});

test("functions without a name and stacks that were cut are told with their share", () => {
  const below = [
    { name: "[stack cut: no rule]", below: [{ name: "app+0x12af", self: 30 }] },
    { name: "main", self: 70 },
  ];
  const said = of({ name: "all", below });
  assert.match(said[0]!, /^stacks cut: 30\.0%/);
  assert.match(said[1]!, /^symbols missing: 30\.0%/);
});
