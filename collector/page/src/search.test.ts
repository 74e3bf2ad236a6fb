import assert from "node:assert/strict";
import { test } from "node:test";
import { FlameLayout } from "./layout";
import { collectorPattern, compileSearch, markFunction, markMatches, matchedTotal, nextMatch } from "./search";
import { columnsOf, SAMPLE } from "./tree_for_tests";

const layout = new FlameLayout(columnsOf(SAMPLE));
const matched = (query: string, root = 0) => matchedTotal(layout, markMatches(layout, compileSearch(query)!), root);

test("an empty query picks nothing out", () => assert.equal(compileSearch(""), null));

test("a query is a regular expression", () => {
  assert.equal(compileSearch("^le.f$")!.mode, "regex");
  assert.equal(matched("^le.f$"), 30);
});

test("what is no regular expression is looked for as it stands", () => {
  const matcher = compileSearch("operator(")!;
  assert.equal(matcher.mode, "text");
  assert.ok(matcher.test("std::operator()(int)"));
  assert.ok(!matcher.test("operator"));
});

test("capital letters matter only when the query has some", () => {
  assert.ok(compileSearch("leaf")!.test("LEAF"));
  assert.ok(!compileSearch("Leaf")!.test("leaf"));
  assert.ok(compileSearch("f(")!.test("F()"));
});

test("nested matches count once", () => assert.equal(matched("work"), 35));

test("a file's name matches too", () => assert.equal(matched("libc"), 50));

test("inside a match everything is matched", () => assert.equal(matched("main", 4), 30));

test("the root never matches", () => assert.equal(matched("^all$"), 0));

test("a picked function matches by its whole name", () => {
  assert.equal(matchedTotal(layout, markFunction(layout, "work"), 0), 35);
  assert.equal(matchedTotal(layout, markFunction(layout, "wor"), 0), 0);
});

test("finds follow each other around the view, in both directions", () => {
  const marks = markMatches(layout, compileSearch("work|wait")!);
  assert.deepEqual(
    [-1, 2, 3, 5].map((from) => nextMatch(layout, marks, 0, from, 1)),
    [2, 3, 5, 2],
  );
  assert.deepEqual(
    [-1, 2].map((from) => nextMatch(layout, marks, 0, from, -1)),
    [5, 5],
  );
  assert.equal(nextMatch(layout, marks, 6, -1, 1), -1);
});

test("capital letters always matter where that is asked for", () => {
  assert.ok(!compileSearch("leaf", true)!.test("LEAF"));
});

test("the collector is given the same as a regular expression", () => {
  const patterns = ["", "le.f", "Le.f", "operator("].map(collectorPattern);
  assert.deepEqual(patterns, ["", "(?i)le.f", "Le.f", "(?i)operator\\("]);
});
