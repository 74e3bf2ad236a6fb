// Where the arrow keys lead in a flame graph.
import type { FlameLayout } from "./layout";

// The frame to move to from `node`, `node` itself where there is none, null when `key` is no moving key. Sideways and
// down stay inside the zoomed frame.
export function stepFocus(layout: FlameLayout, node: number, zoom: number, key: string): number | null {
  const inside = (next: number) => (next >= 0 && layout.contains(zoom, next) ? next : node);
  switch (key) {
    case "ArrowUp":
      return layout.parent[node]! >= 0 ? layout.parent[node]! : node;
    case "ArrowDown":
      return below(layout, node, zoom);
    case "ArrowLeft":
      return inside(layout.neighbour(node, -1));
    case "ArrowRight":
      return inside(layout.neighbour(node, 1));
    case "Home":
      return zoom;
    case "End":
      return heaviestLeaf(layout, node);
    default:
      return null;
  }
}

// The frame below `from` on the way to `target`; `from` where it does not lead there.
export function stepTowards(layout: FlameLayout, from: number, target: number): number {
  if (target <= from || !layout.contains(from, target)) return from;
  const path = layout.pathTo(target);
  return path[path.indexOf(from) + 1]!;
}

// From a frame above the zoomed one the way down leads to the zoomed one.
function below(layout: FlameLayout, node: number, zoom: number): number {
  const towards = stepTowards(layout, node, zoom);
  if (towards !== node) return towards;
  const child = layout.firstChild(node);
  return child >= 0 ? child : node;
}

// Siblings are heaviest first, so first children lead down the heaviest path.
function heaviestLeaf(layout: FlameLayout, node: number): number {
  let at = node;
  for (let child = layout.firstChild(at); child >= 0; child = layout.firstChild(at)) at = child;
  return at;
}
