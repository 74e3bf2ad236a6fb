// Functions of two profiles by how much more or less they became.
import type { FlameLayout } from "../layout";
import { topFunctions, type FunctionRow } from "../top_functions";

export interface FunctionChange {
  name: string;
  file: string;
  before: { self: number; total: number }; // scaled to be compared with `after`
  after: { self: number; total: number };
  noise: { self: number | null; total: number | null }; // what chance alone makes: two standard errors; null = not known
}

const UNKNOWN = { self: null, total: null };

export function functionChanges(
  before: FlameLayout,
  after: FlameLayout,
  factor: number,
  groups: number,
): FunctionChange[] {
  const changes = new Map<string, FunctionChange>();
  const rowOf = (row: FunctionRow) => {
    const key = `${row.file}\n${row.name}`;
    let change = changes.get(key);
    if (!change) {
      change = {
        name: row.name,
        file: row.file,
        before: { self: 0, total: 0 },
        after: { self: 0, total: 0 },
        noise: UNKNOWN,
      };
      changes.set(key, change);
    }
    return change;
  };
  for (const row of topFunctions(before, 0, groups + 1)) {
    rowOf(row).before = { self: row.self * factor, total: row.total * factor };
  }
  for (const row of topFunctions(after, 0, groups + 1)) rowOf(row).after = { self: row.self, total: row.total };
  return [...changes.values()].filter((change) => change.name !== "(other)");
}

// The largest changes first, whether more or less.
export function sortChanges(changes: FunctionChange[], by: "self" | "total"): FunctionChange[] {
  const size = (change: FunctionChange) => Math.abs(change.after[by] - change.before[by]);
  return [...changes].sort((a, b) => size(b) - size(a) || a.name.localeCompare(b.name));
}
