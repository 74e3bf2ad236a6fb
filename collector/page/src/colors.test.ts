import assert from "node:assert/strict";
import { test } from "node:test";
import { DARK, LIGHT, oklch, type Scheme } from "./colors";
import { changeFill, codeFill, codeKind, fileFill, isKernel, reasonFill, signedShare } from "./frame_colors";

function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high! + 0.05) / (low! + 0.05);
}

const FILES = ["", "[kernel.kallsyms]", ...Array.from({ length: 200 }, (_, i) => `/usr/lib/lib${i}.so`)];

const REASONS_AND_NONE = ["on-cpu", "run-queue", "disk", "receive", "pipe", "lock", "sleep", "poll", "accept", ""];

for (const [name, scheme] of Object.entries({ LIGHT, DARK }) as [string, Scheme][]) {
  test(`labels in ${name} have AA contrast on every fill`, () => {
    for (const file of FILES) {
      for (const fn of ["a", "bb", "ccc", "dddd", "(other)"]) {
        assert.ok(contrast(fileFill(file, fn, scheme), scheme.text) >= 4.5, `${file} ${fn}`);
      }
    }
    for (const reason of REASONS_AND_NONE)
      assert.ok(contrast(reasonFill(reason, "f", scheme), scheme.text) >= 4.5, reason);
    for (const kind of ["kernel", "program", "library", "made at run time", "unknown"] as const) {
      assert.ok(contrast(codeFill(kind, "f", scheme), scheme.text) >= 4.5, kind);
    }
    for (const after of [0, 1, 2, 3, 9])
      assert.ok(contrast(changeFill(2, after, scheme), scheme.text) >= 4.5, `${after}`);
    assert.ok(contrast(scheme.faded, scheme.text) >= 4.5);
  });
}

test("a file keeps its colour", () => {
  assert.equal(fileFill("/bin/a", "f", LIGHT), fileFill("/bin/a", "f", LIGHT));
});

test("no file has the kernel's colour", () => {
  const kernel = fileFill("[kernel.kallsyms]", "f", LIGHT);
  for (const file of FILES) if (!isKernel(file)) assert.notEqual(fileFill(file, "f", LIGHT), kernel);
});

test("modules belong to the kernel", () => {
  assert.ok(isKernel("/lib/modules/6.1.0/kernel/fs/ext4/ext4.ko.xz"));
  assert.ok(!isKernel("/usr/bin/kodi"));
  assert.ok(!isKernel("[vdso]"));
});

test("OKLCH of black, white and a red is right", () => {
  assert.equal(oklch(0, 0, 0), "#000000");
  assert.equal(oklch(1, 0, 0), "#ffffff");
  assert.equal(oklch(0.62796, 0.25768, 29.234), "#ff0000");
});

test("code is told apart by where it comes from", () => {
  assert.equal(codeKind("[kernel.kallsyms]"), "kernel");
  assert.equal(codeKind("/usr/lib/x86_64-linux-gnu/libc.so.6"), "library");
  assert.equal(codeKind("[anon]"), "made at run time");
  assert.equal(codeKind("/usr/bin/postgres"), "program");
  assert.equal(codeKind("[stack lost]"), "unknown");
  assert.equal(codeKind(""), "unknown");
});

test("more and less differ in hue, and a change has its sign", () => {
  assert.notEqual(changeFill(1, 2, LIGHT), changeFill(2, 1, LIGHT));
  const change = { before: Float64Array.of(100, 10, 5, 0), after: Float64Array.of(100, 30, 2, 0.01) };
  assert.deepEqual(
    [1, 2, 3].map((node) => signedShare(change, node)),
    ["+20.0%", "−3.0%", ""],
  );
});
