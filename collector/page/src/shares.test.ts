import assert from "node:assert/strict";
import { test } from "node:test";
import { otherTime, sortServices, sumOf } from "./shares";

const time = (service: string, on: number, queue: number, blocked: number, wall = on + queue + blocked) => ({
  service,
  on_cpu_ns: on,
  run_queue_ns: queue,
  blocked_ns: blocked,
  wall_ns: wall,
});
const SERVICES = [time("b", 5, 1, 10), time("a", 5, 2, 1), time("c", 1, 9, 90, 110)];

test("what the parts leave of the wall time is other time", () => {
  assert.equal(otherTime(SERVICES[0]!), 0);
  assert.equal(otherTime(SERVICES[2]!), 10);
  assert.equal(otherTime(time("x", 5, 5, 5, 14)), 0);
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
