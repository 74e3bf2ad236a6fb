// What each kind of profile is, in words for somebody who meets it for the first time.
import type { Kind } from "./url_state";

export interface KindText {
  title: string;
  help: string;
  average: (threads: string) => string; // the total as an average over the time
}

export const KIND_TEXT: Record<Kind, KindText> = {
  cpu: {
    title: "On-CPU",
    help: "Where threads were running on a CPU, sampled many times a second. Wide frames burn processor time.",
    average: (n) => `${n} CPUs busy on average`,
  },
  offcpu: {
    title: "Off-CPU",
    help:
      "Where threads waited: blocked on a disk, a socket, a lock or a timer, or ready and waiting for a CPU. " +
      "Every switch is timed, none is sampled.",
    average: (n) => `${n} threads waiting on average`,
  },
  wall: {
    title: "Wall",
    help: "All the time that threads lived, running and waiting in one graph that adds up.",
    average: (n) => `${n} threads alive on average`,
  },
};
