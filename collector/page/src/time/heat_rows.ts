// A heat map's cells: how strongly each is coloured, and which one is where.
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

// The cell at a place given as shares of the map's width and height, longest waits on top.
export function cellAt(answer: HeatMapAnswer, x: number, y: number): HeatCell | null {
  const used = usedRows(answer);
  if (!used || x < 0 || x >= 1 || y < 0 || y >= 1) return null;
  const rows = used.last - used.first + 1;
  return { row: used.last - Math.floor(y * rows), step: Math.floor(x * answer.times_ms.length) };
}
