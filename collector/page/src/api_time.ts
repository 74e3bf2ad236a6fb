// What the collector tells over time: sums by step, and waits by length. Values in the kind's unit.
import { address, get, isNothing, selector, type Which, type Window } from "./api";
import { visible } from "./format";
import type { Kind } from "./url_state";

// Of those series the stacks that have a frame that matches `focus`, and none that matches `ignore`; all when empty.
export interface WhichStacks extends Which {
  focus: string;
  ignore: string;
}

function parametersOf(kind: Kind, which: WhichStacks, window: Window): Record<string, string | number> {
  return { kind, query: selector(which), focus: which.focus, ignore: which.ignore, ...window };
}

export interface TimeSeries {
  value: string; // of the label; "" of samples without it
  total: number;
  values: number[]; // by step
}

export interface Timeline {
  kind: Kind;
  unit: string;
  total: number;
  from_ms: number;
  to_ms: number;
  by: string;
  step_ms: number;
  times_ms: number[]; // begin of each step
  series: TimeSeries[]; // heaviest first
  rest?: { total: number; values: number[] };
}

export async function fetchTimeline(
  kind: Kind,
  which: WhichStacks,
  by: string,
  window: Window,
  signal: AbortSignal,
): Promise<Timeline | null> {
  const url = address("/api/v1/timeline", { ...parametersOf(kind, which, window), by });
  const timeline = await getOrNull<Timeline>(url, signal);
  return timeline && { ...timeline, series: timeline.series.map((one) => ({ ...one, value: visible(one.value) })) };
}

export interface HeatMapAnswer {
  step_ms: number;
  times_ms: number[];
  low: number[]; // shortest waits of each row, nanoseconds; a power of two
  counted: boolean; // else each wait is as long as the mean of its stack in its window
  waits: number[][]; // by row, then by step
  values: number[][]; // nanoseconds
}

export function fetchHeatMap(
  kind: Kind,
  which: WhichStacks,
  window: Window,
  signal: AbortSignal,
): Promise<HeatMapAnswer | null> {
  return getOrNull<HeatMapAnswer>(address("/api/v1/heatmap", parametersOf(kind, which, window)), signal);
}

export interface WaitLengths {
  value: string;
  counted: boolean; // else estimated: each wait as long as the mean of its stack in its window
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

// By reason.
export async function fetchWaitLengths(
  kind: Kind,
  which: WhichStacks,
  window: Window,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, WaitLengths>> {
  const url = address("/api/v1/waits", { ...parametersOf(kind, which, window), by: "reason" });
  const answer = await getOrNull<{ rows: WaitLengths[] }>(url, signal);
  return new Map((answer?.rows ?? []).map((row) => [row.value, row]));
}

// null when nothing is stored for the question.
async function getOrNull<T>(url: string, signal: AbortSignal): Promise<T | null> {
  try {
    return await get<T>(url, signal);
  } catch (error) {
    if (isNothing(error)) return null;
    throw error;
  }
}
