import assert from "node:assert/strict";
import { test } from "node:test";
import { axisTime, baseName, bytes, duration, percent, plural, timeRange, visible } from "./format";

test("durations choose the unit a person would", () => {
  assert.equal(duration(0), "0 s");
  assert.equal(duration(850), "850 ns");
  assert.equal(duration(1500), "1.50 µs");
  assert.equal(duration(12_340_000), "12.3 ms");
  assert.equal(duration(90e9), "90.0 s");
  assert.equal(duration(252e9), "4.20 min");
  assert.equal(duration(3 * 3600e9), "3.00 h");
  assert.equal(duration(4 * 86400e9), "4.00 d");
  assert.equal(duration(-2e6), "−2.00 ms");
});

test("durations step to the next unit instead of rounding up to 1000", () => {
  assert.equal(duration(999_600), "1.00 ms");
  assert.equal(duration(999.9e6), "1.00 s");
});

test("memory is told in powers of 1024", () => {
  assert.equal(bytes(0), "0 B");
  assert.equal(bytes(850), "850 B");
  assert.equal(bytes(1023), "1.00 KiB");
  assert.equal(bytes(4096), "4.00 KiB");
  assert.equal(bytes(402_653_184), "384 MiB");
  assert.equal(bytes(1.5 * 1024 ** 4), "1.50 TiB");
  assert.equal(bytes(2 ** 60), "1048576 TiB");
});

test("percentages never claim none or all wrongly", () => {
  assert.equal(percent(0, 10), "0%");
  assert.equal(percent(1, 1e9), "<0.01%");
  assert.equal(percent(99_999, 100_000), ">99.9%");
  assert.equal(percent(10, 10), "100%");
  assert.equal(percent(1, 3), "33.3%");
  assert.equal(percent(5, 1000), "0.50%");
});

test("a share of nothing is a dash", () => assert.equal(percent(0, 0), "–"));

test("counts agree with their noun", () => {
  assert.equal(plural(1, "profile"), "1 profile");
  assert.equal(plural(1200, "profile"), "1,200 profiles");
});

test("a range names the day only when it is not today", () => {
  const at = (h: number, d = 5) => new Date(2024, 2, d, h, 7, 9).getTime();
  assert.equal(timeRange(at(9), at(10), new Date(2024, 2, 5)), "09:07:09 – 10:07:09");
  assert.equal(timeRange(at(9), at(10), new Date(2024, 2, 6)), "2024-03-05 09:07:09 – 10:07:09");
  assert.equal(timeRange(at(9, 4), at(10), new Date(2024, 2, 5)), "2024-03-04 09:07:09 – 2024-03-05 10:07:09");
});

test("characters that hide or reorder text are written out", () => {
  assert.equal(visible("evil\u202Egpj.exe\n"), "evil\\u202egpj.exe\\u000a");
  assert.equal(visible("std::vector<é>"), "std::vector<é>");
});

test("a path's base name is its last part", () => {
  assert.equal(baseName("/usr/lib/libc.so.6"), "libc.so.6");
  assert.equal(baseName("[kernel.kallsyms]"), "[kernel.kallsyms]");
  assert.equal(baseName("/"), "/");
});

test("marks of an axis say what tells them apart", () => {
  const at = new Date(2026, 10, 30, 9, 5, 7).getTime();
  assert.equal(axisTime(at, 10), "09:05:07");
  assert.equal(axisTime(at, 300), "09:05");
  assert.equal(axisTime(at, 86_400), "2026-11-30");
  assert.equal(axisTime(new Date(2026, 10, 30).getTime(), 3600), "2026-11-30");
});
