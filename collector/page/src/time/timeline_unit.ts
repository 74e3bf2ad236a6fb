// How the values of a timeline's steps are shown.
import type { Timeline } from "../api_time";
import { bytes } from "../format";

interface TimelineUnit {
  each: number; // what a value of a step is multiplied with to be shown
  unit: string; // of what is shown
  format(value: number): string;
}

// A step's nanoseconds become threads at a time, other values become so much a second.
export function unitOf(timeline: Timeline): TimelineUnit {
  if (timeline.unit === "nanoseconds")
    return { each: 1 / (1e6 * timeline.step_ms), unit: "threads at a time", format: threads };
  return { each: 1000 / timeline.step_ms, unit: "a second", format: bytes };
}

function threads(value: number): string {
  if (value === 0) return "0";
  if (value < 0.001) return "<0.001";
  return value < 0.1 ? value.toPrecision(1) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}
