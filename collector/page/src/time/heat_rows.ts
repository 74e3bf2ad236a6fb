// A heat map's cells: how strongly each is coloured, and which one is where.
import type { Window } from "../api";
import type { HeatMapAnswer } from "../api_time";

export type HeatOf = "waits" | "values";

// 0 for nothing, else from 0.12 for the faintest to 1 for the strongest: by the logarithm, since some cells hold a
// thousand times what others do and both matter.
export function strengths(cells: number[][]): number[][] {
  const most = Math.max(0, ...cells.flat());
  const scale = Math.log1p(most);
  return cells.map((row) => row.map((value) => (value > 0 ? 0.12 + (0.88 * Math.log1p(value)) / scale : 0)));
}

// Rows from the shortest to the longest that hold anything.
export function usedRows(answer: HeatMapAnswer): { first: number; last: number } | null {
  const used = answer.waits.map((row, i) => row.some((n) => n > 0) || answer.values[i]!.some((n) => n > 0));
  const first = used.indexOf(true);
  return first < 0 ? null : { first, last: used.lastIndexOf(true) };
}

export interface HeatCell {
  row: number;
  step: number;
}

// The cell at a place given as shares of the map's width, which is `window`, and of its height, longest waits on top.
export function cellAt(answer: HeatMapAnswer, window: Window, x: number, y: number): HeatCell | null {
  const used = usedRows(answer);
  const at = window.from + x * (window.to - window.from);
  const step = Math.floor((at - (answer.times_ms[0] ?? 0)) / answer.step_ms);
  if (!used || y < 0 || y >= 1 || step < 0 || step >= answer.times_ms.length) return null;
  return { row: used.last - Math.floor(y * (used.last - used.first + 1)), step };
}

// The share of the width of `window` at which a step begins; beyond 0 to 1 where it is not all in it.
export function placeOfStep(answer: HeatMapAnswer, window: Window, step: number): number {
  return (answer.times_ms[0]! + step * answer.step_ms - window.from) / (window.to - window.from);
}
