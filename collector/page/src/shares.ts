// The parts of a service's time, and their sums over the host.
import type { ServiceTime } from "./api";
import type { OverviewColumn } from "./url_state";

export interface Part {
  column: OverviewColumn;
  group: string; // in ServiceTime.groups
  title: string;
  help: string;
}

export const PARTS: readonly Part[] = [
  { column: "on_cpu", group: "on-cpu", title: "On CPU", help: "running on a processor" },
  {
    column: "run_queue",
    group: "run-queue",
    title: "Run queue",
    help: "ready to run, waiting for a processor that others held, or for CPU quota",
  },
  { column: "disk", group: "disk", title: "Disk", help: "waiting for a disk or the file system on it" },
  { column: "network", group: "network", title: "Network", help: "waiting for a network peer" },
  { column: "ipc", group: "ipc", title: "IPC", help: "waiting for another process: pipe, Unix socket, queue, eventfd" },
  { column: "lock", group: "lock", title: "Lock", help: "waiting for a lock, a condition or a semaphore" },
  { column: "sleep", group: "sleep", title: "Sleep", help: "waiting for a timer of its own" },
  { column: "other", group: "other", title: "Other", help: "waiting for something else: a child, a terminal, several files" },
  { column: "idle", group: "idle", title: "Idle", help: "waiting for work" },
];

export function timeOf(part: Part, time: ServiceTime): number {
  return time.groups[part.group] ?? 0;
}

// Wall time under any other reason, or under none.
export function unknownTime(time: ServiceTime): number {
  return Math.max(0, time.wall_ns - PARTS.reduce((sum, part) => sum + timeOf(part, time), 0));
}

// Without the time in which nothing was to be done.
export function withoutIdle(time: ServiceTime): ServiceTime {
  const { idle = 0, sleep = 0, ...groups } = time.groups;
  return { ...time, groups, wall_ns: time.wall_ns - idle - sleep };
}

export function sumOf(services: ServiceTime[]): ServiceTime {
  const sum: ServiceTime = { service: "", groups: {}, wall_ns: 0 };
  for (const time of services) {
    for (const [group, ns] of Object.entries(time.groups)) sum.groups[group] = (sum.groups[group] ?? 0) + (ns ?? 0);
    sum.wall_ns += time.wall_ns;
  }
  return sum;
}

export function sortServices(services: ServiceTime[], by: OverviewColumn): ServiceTime[] {
  const byName = (a: ServiceTime, b: ServiceTime) => a.service.localeCompare(b.service);
  const part = PARTS.find((p) => p.column === by);
  const value = (t: ServiceTime) => (part ? timeOf(part, t) : t.wall_ns);
  return [...services].sort(by === "service" ? byName : (a, b) => value(b) - value(a) || byName(a, b));
}
