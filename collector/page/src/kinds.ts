// What each kind of profile is, in words for somebody who meets it for the first time.
import { bytes } from "./format";
import { type Measure, TIME } from "./layout";
import type { Kind } from "./url_state";

export interface KindText {
  title: string;
  help: string;
  measure: Measure;
  of: string; // what the total is of
  average: (total: number, milliseconds: number) => string; // over the time
  hasReasons: boolean;
}

const GROWTH: Measure = { noun: "growth", amount: bytes };

// Threads at a time.
function threads(nanoseconds: number, milliseconds: number): string {
  const average = nanoseconds / 1e6 / Math.max(1, milliseconds);
  return average < 0.1 ? average.toFixed(3) : average.toFixed(1);
}

export const KIND_TEXT: Record<Kind, KindText> = {
  cpu: {
    title: "On-CPU",
    help: "Where threads were running on a CPU, sampled many times a second. Wide frames burn processor time.",
    measure: TIME,
    of: "of thread time",
    average: (total, ms) => `${threads(total, ms)} CPUs busy on average`,
    hasReasons: false,
  },
  offcpu: {
    title: "Off-CPU",
    help:
      "Where threads waited: blocked on a disk, a socket, a lock or a timer, or ready and waiting for a CPU. " +
      "Every switch is timed, none is sampled.",
    measure: TIME,
    of: "of thread time",
    average: (total, ms) => `${threads(total, ms)} threads waiting on average`,
    hasReasons: true,
  },
  wall: {
    title: "Wall",
    help: "All the time that threads lived, running and waiting in one graph that adds up.",
    measure: TIME,
    of: "of thread time",
    average: (total, ms) => `${threads(total, ms)} threads alive on average`,
    hasReasons: true,
  },
  faults: {
    title: "Faults",
    help:
      "Where memory grew: what page faults brought into resident memory, by who touched it. What is given back is not " +
      "taken off. An estimate where faults are many.",
    measure: GROWTH,
    of: "brought by page faults",
    average: (total, ms) => `${bytes((1000 * total) / Math.max(1, ms))} a second`,
    hasReasons: false,
  },
};
