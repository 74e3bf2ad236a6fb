// Builds the columns of a flame graph from nested notation, for tests.
import type { FlameColumns } from "./api";

export interface Tree {
  name: string;
  file?: string;
  self?: number;
  below?: Tree[];
}

export function columnsOf(root: Tree): FlameColumns {
  const c: FlameColumns = { names: [], files: [], depth: [], total_values: [], self_values: [], name: [], file: [] };
  const intern = (table: string[], text: string) =>
    table.includes(text) ? table.indexOf(text) : table.push(text) - 1;
  const add = (tree: Tree, depth: number): number => {
    const at = c.depth.push(depth) - 1;
    c.name.push(intern(c.names, tree.name));
    c.file.push(intern(c.files, tree.file ?? ""));
    c.self_values.push(tree.self ?? 0);
    c.total_values.push(0);
    const total = (tree.below ?? []).reduce((sum, t) => sum + add(t, depth + 1), tree.self ?? 0);
    c.total_values[at] = total;
    return total;
  };
  add(root, 0);
  return c;
}

//  all ── main ── work ── work ── leaf (30)
//      │       └─ wait (20, self)         main: self 10
//      └─ idle (40)
export const SAMPLE: Tree = {
  name: "all",
  below: [
    {
      name: "main",
      file: "/bin/app",
      self: 10,
      below: [
        {
          name: "work",
          file: "/bin/app",
          below: [{ name: "work", file: "/bin/app", self: 5, below: [{ name: "leaf", file: "libc", self: 30 }] }],
        },
        { name: "wait", file: "libc", self: 20 },
      ],
    },
    { name: "idle", file: "[kernel.kallsyms]", self: 40 },
  ],
};
