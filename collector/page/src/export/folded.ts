// Folded stacks: "outer;inner VALUE", one a line, as flamegraph.pl and its like read them.
import type { FlameLayout } from "../layout";

// Semicolons and line ends are what the format is made of.
function safe(name: string): string {
  return name.replace(/;/g, ":").replace(/[\r\n]/g, " ");
}

export function foldedText(layout: FlameLayout): string {
  const paths: string[] = [];
  const lines: string[] = [];
  for (let node = 1; node < layout.size; node++) {
    const depth = layout.depth[node]!;
    paths[depth] = depth === 1 ? safe(layout.nameOf(node)) : `${paths[depth - 1]};${safe(layout.nameOf(node))}`;
    if (layout.self[node]! > 0) lines.push(`${paths[depth]} ${Math.round(layout.self[node]!)}`);
  }
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}
