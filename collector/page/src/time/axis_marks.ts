// Where the axes of a chart have their marks.
import type { Window } from "../api";

const DAY_S = 86_400;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, DAY_S, 2 * DAY_S];

// From 0 up to `most`: 1, 2 or 5 times a power of ten apart, not more than `count` besides 0.
export function valueMarks(most: number, count: number): number[] {
  const least = most / count;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].find((n) => n * power >= least)! * power;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

// Round instants of the reader's time zone in the window, `seconds` apart, not more than `count`.
export function timeMarks({ from, to }: Window, count: number): { seconds: number; marks: number[] } {
  const least = (to - from) / 1000 / count;
  const seconds = STEPS_S.find((step) => step >= least) ?? 7 * DAY_S * Math.ceil(least / 7 / DAY_S);
  const [step, zone] = [1000 * seconds, 60_000 * new Date(from).getTimezoneOffset()];
  const marks = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at <= to; at += step) marks.push(at);
  return { seconds, marks };
}
