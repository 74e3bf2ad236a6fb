// A flame graph's geometry: where each node of the depth-first columns begins, and who is whose parent. Values are in
// the profile's own unit; the canvas turns them into pixels.
import type { FlameColumns } from "./api";
import { duration } from "./format";

// What the values are, in a word, and one of them as text.
export interface Measure {
  noun: string;
  amount: (value: number) => string;
}

export const TIME: Measure = { noun: "time", amount: duration };

// Of a tree of two profiles, by node: what it had before, brought to the same scale, and after.
export interface Change {
  before: Float64Array;
  after: Float64Array;
}

export class FlameLayout {
  readonly size: number;
  readonly names: string[];
  readonly files: string[];
  readonly name: Int32Array; // index into names
  readonly file: Int32Array; // index into files
  readonly depth: Int32Array;
  readonly total: Float64Array;
  readonly self: Float64Array;
  readonly waits: Float64Array; // in it and below; all 0 but for off-CPU profiles
  readonly inlined: Set<number>; // nodes whose code the compiler put into that of their parents
  readonly reasons: string[];
  private readonly reason: number[] | null;
  readonly start: Float64Array; // value offset of the left edge
  readonly parent: Int32Array; // -1 for node 0
  readonly end: Int32Array; // one past the last node below
  readonly rows: Int32Array[]; // per depth, nodes from left to right
  private readonly hashes: Uint32Array; // two words per node over its path of names and files

  // Throws Error with the reason when the columns are no tree.
  constructor(
    columns: FlameColumns,
    readonly measure: Measure = TIME,
    readonly change: Change | null = null,
    private readonly rootName = "everything",
  ) {
    check(columns);
    this.size = columns.depth.length;
    this.names = columns.names;
    this.files = columns.files;
    this.name = Int32Array.from(columns.name);
    this.file = Int32Array.from(columns.file);
    this.depth = Int32Array.from(columns.depth);
    this.total = Float64Array.from(columns.total_values);
    this.self = Float64Array.from(columns.self_values);
    this.waits = columns.waits ? Float64Array.from(columns.waits) : new Float64Array(this.size);
    this.inlined = new Set(columns.inlined ?? []);
    this.reasons = columns.reasons ?? [];
    this.reason = columns.reason ?? null;
    this.start = new Float64Array(this.size);
    this.parent = new Int32Array(this.size).fill(-1);
    this.end = new Int32Array(this.size).fill(this.size);
    this.hashes = new Uint32Array(2 * this.size);
    this.rows = this.place();
  }

  private place(): Int32Array[] {
    const open: number[] = []; // the node at each depth that may still get children
    const next: number[] = []; // where its next child begins
    const rows: number[][] = [];
    const nameWords = this.names.map(hashText);
    const fileWords = this.files.map(hashText);
    for (let i = 0; i < this.size; i++) {
      const depth = this.depth[i]!;
      for (let d = depth; d < open.length; d++) this.end[open[d]!] = i;
      open.length = depth;
      const parent = depth === 0 ? -1 : open[depth - 1]!;
      this.parent[i] = parent;
      this.start[i] = depth === 0 ? 0 : next[depth - 1]!;
      if (depth > 0) next[depth - 1] = this.start[i]! + this.total[i]!;
      open.push(i);
      next[depth] = this.start[i]!;
      (rows[depth] ??= []).push(i);
      this.hashPath(i, parent, nameWords[this.name[i]!]!, fileWords[this.file[i]!]!);
    }
    return rows.map((row) => Int32Array.from(row));
  }

  private hashPath(i: number, parent: number, name: number, file: number): void {
    const above = parent < 0 ? [1, 2] : [this.hashes[2 * parent]!, this.hashes[2 * parent + 1]!];
    this.hashes[2 * i] = mix(mix(above[0]!, name), file);
    this.hashes[2 * i + 1] = mix(mix(above[1]!, file ^ 0x9e3779b9), name);
  }

  // Short text that names the node by its path, equal in every profile that has the same path.
  pathKey(node: number): string {
    const word = (i: number) => this.hashes[i]!.toString(36).padStart(7, "0");
    return word(2 * node) + word(2 * node + 1);
  }

  findPath(key: string): number | null {
    for (let i = 0; i < this.size; i++) if (this.pathKey(i) === key) return i;
    return null;
  }

  // The function's name; node 0 stands for everything, or for what the tree is of.
  nameOf(node: number): string {
    return node === 0 ? this.rootName : this.names[this.name[node]!]!;
  }

  fileOf(node: number): string {
    return this.files[this.file[node]!]!;
  }

  // What most of its time went to; "" where that is not known.
  reasonOf(node: number): string {
    return this.reasons[this.reason?.[node] ?? -1] ?? "";
  }

  // From node 0 down to `node`.
  pathTo(node: number): number[] {
    const path: number[] = [];
    for (let i = node; i >= 0; i = this.parent[i]!) path.push(i);
    return path.reverse();
  }

  // The node at `value` in row `depth`, or -1.
  hit(depth: number, value: number): number {
    const row = this.rows[depth];
    if (!row) return -1;
    const at = this.firstEndingAfter(row, value);
    const node = row[at];
    return node !== undefined && this.start[node]! <= value ? node : -1;
  }

  // Position in `row` of the first node whose right edge is beyond `value`.
  firstEndingAfter(row: Int32Array, value: number): number {
    let low = 0;
    let high = row.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const node = row[middle]!;
      if (this.start[node]! + this.total[node]! > value) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  firstChild(node: number): number {
    return node + 1 < this.end[node]! ? node + 1 : -1;
  }

  // The neighbour `step` places to the right in the same row, or -1.
  neighbour(node: number, step: number): number {
    const row = this.rows[this.depth[node]!]!;
    return row[row.indexOf(node) + step] ?? -1;
  }

  contains(ancestor: number, node: number): boolean {
    return node >= ancestor && node < this.end[ancestor]!;
  }
}

function check(c: FlameColumns): void {
  const refuse = (reason: string): never => {
    throw new Error(`the flame graph is malformed: ${reason}`);
  };
  const size = c.depth.length;
  const columns = [c.total_values, c.self_values, c.name, c.file, ...(c.waits ? [c.waits] : [])];
  if (size === 0 || columns.some((column) => column.length !== size)) refuse("columns of unequal length");
  if (c.depth[0] !== 0) refuse("the first node is not the root");
  for (let i = 0; i < size; i++) {
    if (i > 0 && !(c.depth[i]! >= 1 && c.depth[i]! <= c.depth[i - 1]! + 1)) refuse(`node ${i} has no parent`);
    if (c.names[c.name[i]!] === undefined) refuse(`node ${i} has no name`);
    if (c.files[c.file[i]!] === undefined) refuse(`node ${i} has no file`);
  }
}

// FNV-1a over UTF-16 units.
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function mix(a: number, b: number): number {
  let x = Math.imul(a ^ b, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) + a;
  return (x ^ (x >>> 16)) >>> 0;
}
