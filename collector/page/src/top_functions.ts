// Functions by value, from the same columns that the graph shows.
import type { FlameLayout } from "./layout";

export interface FunctionRow {
  name: string;
  file: string;
  self: number;
  total: number; // each stack once, however often the function stands in it
  waits: number; // that ended in it or in what it calls; 0 but for off-CPU profiles
}

// Functions under `root` (included), unsorted. Frames above depth `firstDepth` are groups and no functions.
export function topFunctions(layout: FlameLayout, root: number, firstDepth: number): FunctionRow[] {
  const rows = new Map<number, FunctionRow>();
  const openUntil = new Map<number, number>(); // function → end of its outermost open frame
  for (let i = root; i < layout.end[root]!; i++) {
    if (layout.depth[i]! < firstDepth) continue;
    const key = layout.name[i]! * layout.files.length + layout.file[i]!;
    let row = rows.get(key);
    if (!row) {
      row = { name: layout.nameOf(i), file: layout.fileOf(i), self: 0, total: 0, waits: 0 };
      rows.set(key, row);
    }
    row.self += layout.self[i]!;
    if ((openUntil.get(key) ?? 0) > i) continue;
    row.total += layout.total[i]!;
    row.waits += layout.waits[i]!;
    openUntil.set(key, layout.end[i]!);
  }
  return [...rows.values()];
}

export function sortRows(rows: FunctionRow[], by: "self" | "total"): FunctionRow[] {
  const other = by === "self" ? "total" : "self";
  return [...rows].sort((a, b) => b[by] - a[by] || b[other] - a[other] || a.name.localeCompare(b.name));
}
