// From the tree that the collector sent to the one that is shown: which stacks, under which groups, with which recursion.
import type { FlameColumns } from "../api";
import type { FlameLayout } from "../layout";
import type { Matcher } from "../search";
import { TreeBuilder } from "./tree_builder";

export type Recursion = "kept" | "direct" | "merged";

export interface Shape {
  underReasons: boolean; // depth 1 of the tree sent holds wait reasons
  showReasons: boolean; // and is to be seen
  reasons: readonly string[]; // only these; all when empty
  focus: Matcher | null; // only stacks with such a function or file
  ignore: Matcher | null; // only stacks without
  folded: readonly string[]; // functions that take what they call into themselves
  recursion: Recursion; // calls to a function within itself: kept, or one frame with the caller (direct: the next one)
}

// Whether the tree sent is already the one to show.
export function isAsSent(s: Shape): boolean {
  const strips = s.underReasons && !s.showReasons;
  return !strips && s.reasons.length === 0 && !s.focus && !s.ignore && s.folded.length === 0 && s.recursion === "kept";
}

export function shapeTree(from: FlameLayout, shape: Shape): FlameColumns {
  const builder = new TreeBuilder(from.names[from.name[0]!]!);
  const kept = keptSelf(from, shape);
  const total = sumsUpward(from, kept);
  const frames = framesIn(from, builder);
  const waits = ownWaits(from);
  const within = insideFolded(from, shape.folded);
  const spot = new Int32Array(from.size);
  let reason = "";
  for (let node = 0; node < from.size; node++) {
    if (total[node] === 0 && node > 0) continue;
    const above = node === 0 ? 0 : spot[from.parent[node]!]!;
    if (shape.underReasons && from.depth[node] === 1) reason = from.nameOf(node);
    const isNoFrame = node === 0 || within[node] === 1 || isHidden(from, node, shape);
    spot[node] = isNoFrame ? above : place(builder, above, frames(node), shape.recursion);
    if (kept[node]! > 0) builder.add(spot[node]!, kept[node]!, waits[node]!);
    if (!isNoFrame && from.inlined.has(node)) builder.markInlined(spot[node]!);
    if (reason !== "" && spot[node]! > 0) builder.addReason(spot[node]!, reason, total[node]!);
  }
  return builder.columns().columns;
}

function isHidden(from: FlameLayout, node: number, shape: Shape): boolean {
  return shape.underReasons && !shape.showReasons && from.depth[node] === 1;
}

// 1 where a node stands below one of the functions.
function insideFolded(from: FlameLayout, folded: readonly string[]): Uint8Array {
  const names = from.names.map((name) => folded.includes(name));
  const within = new Uint8Array(from.size);
  for (let node = 1; node < from.size; node++) {
    const above = from.parent[node]!;
    within[node] = within[above] || (above > 0 && names[from.name[above]!]) ? 1 : 0;
  }
  return within;
}

function place(builder: TreeBuilder, above: number, frame: number, recursion: Recursion): number {
  if (recursion === "direct" && builder.isFrame(above, frame)) return above;
  const outer = recursion === "merged" ? builder.enclosing(above, frame) : -1;
  return outer >= 0 ? outer : builder.child(above, frame);
}

// The builder's frame of each node of `from`.
export function framesIn(from: FlameLayout, builder: TreeBuilder): (node: number) => number {
  const known = new Map<number, number>();
  return (node) => {
    const key = from.name[node]! * from.files.length + from.file[node]!;
    let frame = known.get(key);
    if (frame === undefined) {
      frame = builder.frameOf(from.names[from.name[node]!]!, from.fileOf(node));
      known.set(key, frame);
    }
    return frame;
  };
}

// Waits that ended in each node itself.
export function ownWaits(from: FlameLayout): Float64Array {
  const own = from.waits.slice();
  for (let node = 1; node < from.size; node++) own[from.parent[node]!]! -= from.waits[node]!;
  return own;
}

// Each node's own value where its stack is among those asked for, else 0.
function keptSelf(from: FlameLayout, { underReasons, reasons, focus, ignore }: Shape): Float64Array {
  const kept = from.self.slice();
  const focused = focus && onPath(from, focus);
  const ignored = ignore && onPath(from, ignore);
  let ofReason = true;
  for (let node = 0; node < from.size; node++) {
    if (underReasons && from.depth[node] === 1) ofReason = reasons.length === 0 || reasons.includes(from.nameOf(node));
    if (!ofReason || (focused && !focused[node]) || (ignored && ignored[node])) kept[node] = 0;
  }
  return kept;
}

// 1 where a node or one above it matches.
function onPath(from: FlameLayout, matcher: Matcher): Uint8Array {
  const names = from.names.map((name) => matcher.test(name));
  const files = from.files.map((file) => file !== "" && matcher.test(file));
  const found = new Uint8Array(from.size);
  for (let node = 1; node < from.size; node++) {
    const here = names[from.name[node]!] || files[from.file[node]!];
    found[node] = here || found[from.parent[node]!] ? 1 : 0;
  }
  return found;
}

function sumsUpward(from: FlameLayout, own: Float64Array): Float64Array {
  const total = own.slice();
  for (let node = from.size - 1; node > 0; node--) total[from.parent[node]!]! += total[node]!;
  return total;
}
