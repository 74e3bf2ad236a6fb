// A tree seen from other ends: from the leaves (inverted), and from one function to its callers and callees.
import type { FlameColumns } from "../api";
import type { FlameLayout } from "../layout";
import { framesIn, ownWaits } from "./shape";
import { TreeBuilder } from "./tree_builder";

// Every stack from its innermost frame outward: where time is spent stands under the root, its callers below it.
export function invert(from: FlameLayout): FlameColumns {
  const builder = new TreeBuilder(from.names[from.name[0]!]!);
  const frames = framesIn(from, builder);
  const waits = ownWaits(from);
  for (let node = 0; node < from.size; node++) {
    if (from.self[node] === 0 && waits[node] === 0) continue;
    builder.add(climb(from, builder, frames, 0, node), from.self[node]!, waits[node]!);
  }
  return builder.columns().columns;
}

// Adds the way from `node` up to the root of `from` under `spot`; the builder's node of its end.
function climb(
  from: FlameLayout,
  builder: TreeBuilder,
  frames: (node: number) => number,
  spot: number,
  node: number,
): number {
  for (let at = node; at > 0; at = from.parent[at]!) spot = builder.child(spot, frames(at));
  return spot;
}

export interface Sandwich {
  callers: FlameColumns; // node 0 is the function, who calls it below
  callees: FlameColumns; // node 0 is the function, what it calls below
  total: number; // each stack once, however often the function stands in it
  self: number; // in the function itself, where it is the outermost of its own
}

// null when no frame is called `name`. Of recursive calls the outermost counts; the inner ones are among the callees.
export function sandwich(from: FlameLayout, name: string): Sandwich | null {
  const callers = new TreeBuilder(name);
  const callees = new TreeBuilder(name);
  const callerFrames = framesIn(from, callers);
  const calleeFrames = framesIn(from, callees);
  const waits = ownWaits(from);
  let found = false;
  for (let node = 1; node < from.size; ) {
    if (from.nameOf(node) !== name) {
      node++;
      continue;
    }
    found = true;
    callers.add(climb(from, callers, callerFrames, 0, from.parent[node]!), from.total[node]!, from.waits[node]!);
    graft(from, node, callees, calleeFrames, waits);
    node = from.end[node]!;
  }
  if (!found) return null;
  const below = callees.columns().columns;
  return {
    callers: callers.columns().columns,
    callees: below,
    total: below.total_values[0]!,
    self: below.self_values[0]!,
  };
}

// Adds all below `top` under the builder's root, which stands for `top`.
function graft(
  from: FlameLayout,
  top: number,
  builder: TreeBuilder,
  frames: (node: number) => number,
  waits: Float64Array,
): void {
  const spot = new Map<number, number>([[top, 0]]);
  for (let node = top; node < from.end[top]!; node++) {
    if (node > top) spot.set(node, builder.child(spot.get(from.parent[node]!)!, frames(node)));
    builder.add(spot.get(node)!, from.self[node]!, waits[node]!);
    if (node > top && from.inlined.has(node)) builder.markInlined(spot.get(node)!);
  }
}
