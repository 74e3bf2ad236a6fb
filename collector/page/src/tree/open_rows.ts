// A tree as rows of a table, where some nodes are open.
import type { FlameLayout } from "../layout";

export interface TreeRow {
  node: number;
  level: number; // from 1
  place: number; // among its siblings, from 1
  siblings: number;
  open: boolean | null; // null where there is nothing below
}

export const MOST_CHILDREN = 100; // of one node, the heaviest; the rest is in the graph

// Rows of all below `root`, root first, whose ancestors are open.
export function openRows(layout: FlameLayout, root: number, isOpen: (node: number) => boolean): TreeRow[] {
  const rows: TreeRow[] = [];
  const add = (node: number, level: number, place: number, siblings: number): void => {
    const hasMore = layout.firstChild(node) >= 0;
    const open = hasMore ? isOpen(node) : null;
    rows.push({ node, level, place, siblings, open });
    if (!open) return;
    const children = childrenOf(layout, node);
    children.slice(0, MOST_CHILDREN).forEach((child, i) => add(child, level + 1, i + 1, children.length));
  };
  add(root, 1, 1, 1);
  return rows;
}

// Heaviest first.
export function childrenOf(layout: FlameLayout, node: number): number[] {
  const children: number[] = [];
  for (let child = node + 1; child < layout.end[node]!; child = layout.end[child]!) children.push(child);
  return children;
}

// The nodes from `root` down its heaviest path while that holds at least half of what is above it.
export function mainPath(layout: FlameLayout, root: number): number[] {
  const path = [root];
  for (let child = layout.firstChild(root); child >= 0; child = layout.firstChild(child)) {
    path.push(child);
    if (2 * layout.total[child]! < layout.total[layout.parent[child]!]!) break;
  }
  return path;
}

// Where a key leads from row `at`, and what it opens or shuts: the pattern "treegrid" of ARIA. null for other keys.
export function stepRow(rows: TreeRow[], at: number, key: string): { at: number; toggle: boolean } | null {
  const row = rows[at]!;
  const clamp = (next: number) => ({ at: Math.max(0, Math.min(rows.length - 1, next)), toggle: false });
  switch (key) {
    case "ArrowDown":
      return clamp(at + 1);
    case "ArrowUp":
      return clamp(at - 1);
    case "Home":
      return clamp(0);
    case "End":
      return clamp(rows.length - 1);
    case "ArrowRight":
      return row.open === false ? { at, toggle: true } : clamp(row.open ? at + 1 : at);
    case "ArrowLeft":
      if (row.open) return { at, toggle: true };
      return clamp(rows.slice(0, at).findLastIndex((above) => above.level < row.level));
    default:
      return null;
  }
}
