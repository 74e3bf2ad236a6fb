import assert from "node:assert/strict";
import { test } from "node:test";
import type { Flame } from "../api";
import { LIGHT } from "../colors";
import { FramePaint } from "../frame_colors";
import { FlameLayout } from "../layout";
import { columnsOf, SAMPLE } from "../tree_for_tests";
import { foldedText } from "./folded";
import { inScript, oneFile } from "./one_file";
import { speedscopeText } from "./speedscope";
import { svgText } from "./svg";

const layout = new FlameLayout(columnsOf(SAMPLE));
const HOSTILE = `</script><script>alert("1")</script>;x & 'y'`;
const hostile = new FlameLayout(columnsOf({ name: "all", below: [{ name: HOSTILE, file: HOSTILE, self: 1 }] }));

test("folded stacks are one a line, with their values", () => {
  assert.equal(foldedText(layout), "main 10\nmain;work;work 5\nmain;work;work;leaf 30\nmain;wait 20\nidle 40\n");
});

test("a name cannot look like two frames of a folded stack", () => {
  assert.equal(foldedText(hostile).split(";").length, 1);
});

test("speedscope's file has every stack and its weight", () => {
  const file = JSON.parse(speedscopeText(layout, { title: "t", unit: "nanoseconds" }));
  const [profile] = file.profiles;
  assert.equal(
    profile.weights.reduce((a: number, b: number) => a + b, 0),
    profile.endValue,
  );
  const named = profile.samples.map((sample: number[]) =>
    sample.map((frame) => file.shared.frames[frame].name).join(";"),
  );
  assert.ok(named.includes("main;work;work;leaf"));
  assert.equal(file.shared.frames.find((frame: { name: string }) => frame.name === "leaf").file, "libc");
});

test("names are text in the picture", () => {
  const svg = svgText(hostile, 0, new FramePaint(hostile, LIGHT, "file", false), HOSTILE);
  assert.ok(!svg.includes("<script"));
  assert.ok(svg.includes("&lt;/script&gt;"));
});

test("the picture has the zoomed frame and what is below it", () => {
  const svg = svgText(layout, 2, new FramePaint(layout, LIGHT, "file", false), "t");
  assert.ok(svg.includes("leaf") && !svg.includes("idle"));
});

test("a saved page cannot be left by a name, and only its own parts run", () => {
  const flame = { ...columnsOf(SAMPLE), names: [HOSTILE] } as unknown as Flame;
  const page = oneFile({ flame, root: "", query: "" }, HOSTILE, {
    script: `a("</script>")`,
    style: "b{}",
    nonce: "n0",
  });
  assert.equal(page.match(/<script/g)!.length, 2);
  assert.equal(page.match(/<\/script/g)!.length, 2);
  assert.match(page, /default-src 'none'; script-src 'nonce-n0'/);
  assert.deepEqual(JSON.parse(inScript({ a: HOSTILE })), { a: HOSTILE });
});
