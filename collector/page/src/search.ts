// Search in a flame graph: which nodes a text picks out, and how much of the view they hold.
import type { FlameLayout } from "./layout";

export interface Matcher {
  mode: "regex" | "text"; // text: the query is no valid regular expression and is looked for as it stands
  test(text: string): boolean;
}

// Capital letters matter when the query has some, or by `always`. null for an empty query.
export function compileSearch(query: string, always = false): Matcher | null {
  if (query === "") return null;
  const exactCase = always || query !== query.toLowerCase();
  try {
    const regex = new RegExp(query, exactCase ? "u" : "iu");
    return { mode: "regex", test: (text) => regex.test(text) };
  } catch {
    const fold = (text: string) => (exactCase ? text : text.toLowerCase());
    return { mode: "text", test: (text) => fold(text).includes(query) };
  }
}

// The same as a regular expression for the collector; "" for an empty query.
export function collectorPattern(query: string): string {
  const mode = compileSearch(query)?.mode;
  const pattern = mode === "text" ? escapeRegex(query) : query;
  return mode !== undefined && query === query.toLowerCase() ? `(?i)${pattern}` : pattern;
}

export function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

// One byte per node: 1 where the function's name or its file's name matches.
export function markMatches(layout: FlameLayout, matcher: Matcher): Uint8Array {
  const names = layout.names.map((name) => matcher.test(name));
  const files = layout.files.map((file) => file !== "" && matcher.test(file));
  return markNodes(layout, (i) => names[layout.name[i]!]! || files[layout.file[i]!]!);
}

// One byte per node: 1 where the function is called exactly `name`.
export function markFunction(layout: FlameLayout, name: string): Uint8Array {
  return markNodes(layout, (i) => layout.nameOf(i) === name);
}

// Node 0 stands for everything and never matches.
function markNodes(layout: FlameLayout, matches: (node: number) => boolean): Uint8Array {
  const marks = new Uint8Array(layout.size);
  for (let i = 1; i < layout.size; i++) marks[i] = matches(i) ? 1 : 0;
  return marks;
}

// Value under `root` of all stacks with at least one marked node; what stands below a marked node counts once.
export function matchedTotal(layout: FlameLayout, marks: Uint8Array, root: number): number {
  for (let above = root; above >= 0; above = layout.parent[above]!) {
    if (marks[above]) return layout.total[root]!;
  }
  let sum = 0;
  for (let i = root + 1; i < layout.end[root]!; ) {
    if (marks[i]) sum += layout.total[i]!;
    i = marks[i] ? layout.end[i]! : i + 1;
  }
  return sum;
}

// The next (or previous) marked node under `root` in the order of the tree, from `from` on and round; -1 where none is.
export function nextMatch(layout: FlameLayout, marks: Uint8Array, root: number, from: number, step: 1 | -1): number {
  const first = root;
  const size = layout.end[root]! - root;
  const begin = layout.contains(root, from) ? from - first : step === 1 ? -1 : size;
  for (let i = 1; i <= size; i++) {
    const node = first + ((((begin + step * i) % size) + size) % size);
    if (marks[node]) return node;
  }
  return -1;
}
