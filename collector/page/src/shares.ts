// The parts of a service's time, and their sums over the host.
import type { ServiceTime } from "./api";
import type { OverviewColumn } from "./url_state";

export interface Part {
  column: OverviewColumn;
  title: string;
  help: string;
  of(time: ServiceTime): number; // nanoseconds
}

export const PARTS: readonly Part[] = [
  { column: "on_cpu", title: "On CPU", help: "running on a processor", of: (t) => t.on_cpu_ns },
  {
    column: "run_queue",
    title: "Run queue",
    help: "ready to run, waiting for a processor that others held",
    of: (t) => t.run_queue_ns,
  },
  {
    column: "blocked",
    title: "Blocked",
    help: "waiting for something else: disk, network, lock, timer, another thread",
    of: (t) => t.blocked_ns,
  },
];

// Wall time under any other reason, or under none.
export function otherTime(time: ServiceTime): number {
  return Math.max(0, time.wall_ns - PARTS.reduce((sum, part) => sum + part.of(time), 0));
}

export function sumOf(services: ServiceTime[]): ServiceTime {
  const sum: ServiceTime = { service: "", on_cpu_ns: 0, run_queue_ns: 0, blocked_ns: 0, wall_ns: 0 };
  for (const time of services) {
    sum.on_cpu_ns += time.on_cpu_ns;
    sum.run_queue_ns += time.run_queue_ns;
    sum.blocked_ns += time.blocked_ns;
    sum.wall_ns += time.wall_ns;
  }
  return sum;
}

export function sortServices(services: ServiceTime[], by: OverviewColumn): ServiceTime[] {
  const byName = (a: ServiceTime, b: ServiceTime) => a.service.localeCompare(b.service);
  const part = PARTS.find((p) => p.column === by);
  const value = part ? part.of : (t: ServiceTime) => t.wall_ns;
  return [...services].sort(by === "service" ? byName : (a, b) => value(b) - value(a) || byName(a, b));
}
