// Finds a node by its parent and its frame. With a Map of combined keys, which are beyond what engines keep as small
// integers, inverting a tree of 75,000 nodes took twice as long.
export class ChildTable {
  private slots = new Int32Array(1024).fill(-1);

  // The node's parent and frame, at the node's number.
  constructor(
    private readonly parent: readonly number[],
    private readonly frame: readonly number[],
  ) {}

  // -1 where there is none.
  find(parent: number, frame: number): number {
    return this.slots[this.slotOf(parent, frame)]!;
  }

  // REQUIRES: `node` is the last of the two columns, and not in the table.
  add(node: number): void {
    if (2 * node > this.slots.length) this.grow(node);
    this.slots[this.slotOf(this.parent[node]!, this.frame[node]!)] = node;
  }

  // The slot that holds the child, or the free one where it belongs.
  private slotOf(parent: number, frame: number): number {
    const mask = this.slots.length - 1;
    let hash = Math.imul(parent, 0x9e3779b1) ^ Math.imul(frame, 0x85ebca6b);
    hash ^= hash >>> 15;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const node = this.slots[slot]!;
      if (node < 0 || (this.parent[node] === parent && this.frame[node] === frame)) return slot;
    }
  }

  private grow(nodes: number): void {
    this.slots = new Int32Array(4 * this.slots.length).fill(-1);
    for (let node = 1; node < nodes; node++) this.slots[this.slotOf(this.parent[node]!, this.frame[node]!)] = node;
  }
}
