// Grows the tree of a flame graph path by path: equal paths are one node, in whatever order they come.
import type { FlameColumns } from "../api";
import { ChildTable } from "./child_table";

// Strings stored once, and their positions.
class StringTable {
  readonly items: string[] = [];
  private readonly positions = new Map<string, number>();

  at(text: string): number {
    let position = this.positions.get(text);
    if (position === undefined) {
      position = this.items.push(text) - 1;
      this.positions.set(text, position);
    }
    return position;
  }
}

export class TreeBuilder {
  private readonly names = new StringTable();
  private readonly files = new StringTable();
  private readonly frames = new StringTable(); // "NAME FILE" by index, so that a child is found by one number
  private readonly frameName: number[] = [];
  private readonly frameFile: number[] = [];
  private readonly parent = [-1];
  private readonly frame = [0];
  private readonly children = new ChildTable(this.parent, this.frame);
  private readonly self = [0];
  private readonly waits = [0]; // that ended in the node itself
  private readonly inlined = new Set<number>();
  private readonly reasons = new StringTable();
  private readonly reason: number[] = [];
  private readonly reasonValue: number[] = [];

  // Node 0 is the root, of this name.
  constructor(rootName: string) {
    this.frameOf(rootName, "");
  }

  // The number of a function, equal for equal names and files.
  frameOf(name: string, file: string): number {
    const [nameAt, fileAt] = [this.names.at(name), this.files.at(file)];
    const frame = this.frames.at(`${nameAt} ${fileAt}`);
    if (frame === this.frameName.length) {
      this.frameName.push(nameAt);
      this.frameFile.push(fileAt);
    }
    return frame;
  }

  // The child of `parent` that is `frame`; made where there is none.
  child(parent: number, frame: number): number {
    let node = this.children.find(parent, frame);
    if (node < 0) {
      node = this.parent.push(parent) - 1;
      this.frame.push(frame);
      this.self.push(0);
      this.waits.push(0);
      this.children.add(node);
    }
    return node;
  }

  add(node: number, self: number, waits: number): void {
    this.self[node]! += self;
    this.waits[node]! += waits;
  }

  markInlined(node: number): void {
    this.inlined.add(node);
  }

  // The nearest node from `node` upward that is `frame`, or -1.
  enclosing(node: number, frame: number): number {
    for (let at = node; at > 0; at = this.parent[at]!) if (this.frame[at] === frame) return at;
    return -1;
  }

  isFrame(node: number, frame: number): boolean {
    return node > 0 && this.frame[node] === frame;
  }

  // `value` of the node is time of this reason; the reason with the most is the node's.
  addReason(node: number, reason: string, value: number): void {
    if ((this.reasonValue[node] ?? 0) >= value) return;
    this.reason[node] = this.reasons.at(reason);
    this.reasonValue[node] = value;
  }

  // Depth first, siblings heaviest first, as the collector sends them. `order` tells for each row which node it was.
  columns(): { columns: FlameColumns; order: Int32Array } {
    const { total, waits } = this.sums();
    const order = this.depthFirst(total);
    const pick = (values: ArrayLike<number>) => Array.from(order, (node) => values[node]!);
    const rowOf = new Int32Array(order.length);
    const depth: number[] = [];
    order.forEach((node, row) => {
      rowOf[node] = row;
      depth.push(node === 0 ? 0 : depth[rowOf[this.parent[node]!]!]! + 1);
    });
    const columns: FlameColumns = {
      names: this.names.items,
      files: this.files.items,
      depth,
      total_values: pick(total),
      self_values: pick(this.self),
      waits: pick(waits),
      name: Array.from(order, (node) => this.frameName[this.frame[node]!]!),
      file: Array.from(order, (node) => this.frameFile[this.frame[node]!]!),
      inlined: [...this.inlined].map((node) => rowOf[node]!).sort((a, b) => a - b),
    };
    if (this.reason.length > 0) {
      columns.reasons = this.reasons.items;
      columns.reason = Array.from(order, (node) => this.reason[node] ?? -1);
    }
    return { columns, order };
  }

  private sums(): { total: Float64Array; waits: Float64Array } {
    const total = Float64Array.from(this.self);
    const waits = Float64Array.from(this.waits);
    for (let node = total.length - 1; node > 0; node--) {
      total[this.parent[node]!]! += total[node]!;
      waits[this.parent[node]!]! += waits[node]!;
    }
    return { total, waits };
  }

  private depthFirst(total: Float64Array): Int32Array {
    const below: number[][] = this.parent.map(() => []);
    for (let node = 1; node < this.parent.length; node++) below[this.parent[node]!]!.push(node);
    const order = new Int32Array(this.parent.length);
    const open = [0];
    for (let row = 0; open.length > 0; row++) {
      const node = open.pop()!;
      order[row] = node;
      open.push(...below[node]!.sort((a, b) => total[a]! - total[b]! || b - a));
    }
    return order;
  }
}
