import assert from "node:assert/strict";
import { test } from "node:test";
import { sortServices, sumOf, unknownTime, withoutIdle } from "./shares";

const time = (service: string, on: number, queue: number, idle: number, wall = on + queue + idle) => ({
  service,
  groups: { "on-cpu": on, "run-queue": queue, idle },
  wall_ns: wall,
});
const SERVICES = [time("b", 5, 1, 10), time("a", 5, 2, 1), time("c", 1, 9, 90, 110)];

test("what the parts leave of the wall time is unknown", () => {
  assert.equal(unknownTime(SERVICES[0]!), 0);
  assert.equal(unknownTime(SERVICES[2]!), 10);
  assert.equal(unknownTime(time("x", 5, 5, 5, 14)), 0);
});

test("time without work can be left out", () => {
  assert.deepEqual(withoutIdle(SERVICES[2]!), {
    service: "c",
    groups: { "on-cpu": 1, "run-queue": 9 },
    wall_ns: 20,
  });
});

test("the host is the sum of its services", () => {
  assert.deepEqual(sumOf(SERVICES), time("", 11, 12, 101, 134));
});

test("services sort by the chosen column, then by name", () => {
  const order = (by: Parameters<typeof sortServices>[1]) => sortServices(SERVICES, by).map((s) => s.service);
  assert.deepEqual(order("on_cpu"), ["a", "b", "c"]);
  assert.deepEqual(order("run_queue"), ["c", "a", "b"]);
  assert.deepEqual(order("wall"), ["c", "b", "a"]);
  assert.deepEqual(order("service"), ["a", "b", "c"]);
});
