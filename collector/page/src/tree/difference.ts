// Two trees as one, with what each has in every node, brought to the same measure.
import type { FlameColumns } from "../api";
import type { FlameLayout } from "../layout";
import { framesIn } from "./shape";
import { TreeBuilder } from "./tree_builder";

export type Scale = "share" | "rate";

// Columns whose values are the means of both sides, so that what went away has its place as well as what came.
export interface Difference {
  columns: FlameColumns;
  before: Float64Array; // by node, scaled to be compared with `after`
  after: Float64Array;
}

// What the values of the earlier tree are multiplied with: so that both have one sum, or are of one length of time.
export function scaleOf(
  scale: Scale,
  before: { total: number; ms: number },
  after: { total: number; ms: number },
): number {
  const [part, whole] = scale === "share" ? [after.total, before.total] : [after.ms, before.ms];
  return whole > 0 ? part / whole : 0;
}

export function difference(before: FlameLayout, after: FlameLayout, factor: number): Difference {
  const builder = new TreeBuilder(after.names[after.name[0]!]!);
  const ownBefore: number[] = [];
  const ownAfter: number[] = [];
  const side = (from: FlameLayout, own: number[], each: number) => {
    const frames = framesIn(from, builder);
    const spot = new Int32Array(from.size);
    for (let node = 0; node < from.size; node++) {
      if (node > 0) spot[node] = builder.child(spot[from.parent[node]!]!, frames(node));
      own[spot[node]!] = (own[spot[node]!] ?? 0) + from.self[node]! * each;
      builder.add(spot[node]!, (from.self[node]! * each) / 2, 0);
    }
  };
  side(before, ownBefore, factor);
  side(after, ownAfter, 1);
  const { columns, order } = builder.columns();
  delete columns.waits;
  return { columns, before: sums(columns, order, ownBefore), after: sums(columns, order, ownAfter) };
}

function sums(columns: FlameColumns, order: Int32Array, own: number[]): Float64Array {
  const total = Float64Array.from(order, (node) => own[node] ?? 0);
  const open: number[] = [];
  const parent = columns.depth.map((depth, row) => {
    open[depth] = row;
    return depth === 0 ? -1 : open[depth - 1]!;
  });
  for (let row = total.length - 1; row > 0; row--) total[parent[row]!]! += total[row]!;
  return total;
}
