// The graph as a still picture with a tooltip a frame, which any browser and most viewers show.
import { percent } from "../format";
import type { FramePaint } from "../frame_colors";
import type { FlameLayout } from "../layout";

const WIDTH = 1400;
const ROW = 18;
const HEAD = 30;
const NARROWEST = 0.3; // pixels; what is narrower is left out
const CHARACTER = 7; // pixels, of the 12-pixel monospace font

export function escapeMarkup(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return text.replace(/[&<>"']/g, (c) => names[c]!);
}

export function svgText(layout: FlameLayout, root: number, paint: FramePaint, title: string): string {
  const { scheme } = paint;
  const scale = WIDTH / (layout.total[root]! || 1);
  const frames: string[] = [];
  let deepest = 0;
  for (let node = root; node < layout.end[root]!; node++) {
    const width = layout.total[node]! * scale;
    if (width < NARROWEST) continue;
    const row = layout.depth[node]! - layout.depth[root]!;
    deepest = Math.max(deepest, row);
    frames.push(
      frame(layout, node, root, paint, (layout.start[node]! - layout.start[root]!) * scale, width, HEAD + row * ROW),
    );
  }
  const height = HEAD + (deepest + 1) * ROW + 6;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" ` +
    `font-family="monospace" font-size="12" fill="${scheme.text}">\n<rect width="100%" height="100%" fill="${scheme.surface}"/>\n` +
    `<text x="6" y="20" font-size="14">${escapeMarkup(title)}</text>\n${frames.join("\n")}\n</svg>\n`
  );
}

function frame(
  layout: FlameLayout,
  node: number,
  root: number,
  paint: FramePaint,
  left: number,
  width: number,
  top: number,
): string {
  const { amount } = layout.measure;
  const value = layout.total[node]!;
  const words = `${layout.nameOf(node)} (${layout.fileOf(node)}): ${amount(value)}, ${percent(value, layout.total[root]!)}`;
  const room = Math.floor((width - 6) / CHARACTER);
  const label = paint.label(node);
  const text = room < 3 ? "" : label.length > room ? `${label.slice(0, room - 1)}…` : label;
  return (
    `<g><title>${escapeMarkup(words)}</title><rect x="${left.toFixed(2)}" y="${top}" width="${Math.max(0.2, width - 0.5).toFixed(2)}" ` +
    `height="${ROW - 1}" fill="${paint.fill(node)}"/>` +
    `${text === "" ? "" : `<text x="${(left + 3).toFixed(2)}" y="${top + 13}">${escapeMarkup(text)}</text>`}</g>`
  );
}
