// Paints the part of a flame graph that is in sight: one row of ROW pixels for each depth, the root on top or at the
// bottom.
import type { FramePaint } from "./frame_colors";
import type { FlameLayout } from "./layout";

export const ROW = 20;
const NARROWEST = 0.5; // pixels; what is narrower is painted as one neutral run
const NARROWEST_LABEL = 26;
const FONT = '12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

export interface Scene {
  layout: FlameLayout;
  paint: FramePaint;
  from: number; // values at the left and right edge
  to: number;
  upward: boolean; // the root is at the bottom
  scroll: number; // pixels above the top edge
  width: number;
  height: number;
  zoomDepth: number; // rows above are context
  marks: Uint8Array | null; // null = nothing is picked out
  hovered: number; // node or -1
  focused: number; // node or -1
  outlined: { name: string; file: string } | null; // function whose frames are outlined
}

// Pixels from the graph's upper edge to the row of `depth`, and back.
export function rowTop(layout: FlameLayout, depth: number, upward: boolean): number {
  return (upward ? layout.rows.length - 1 - depth : depth) * ROW;
}

export function depthAt(layout: FlameLayout, top: number, upward: boolean): number {
  const row = Math.floor(top / ROW);
  return upward ? layout.rows.length - 1 - row : row;
}

export function drawFlame(ctx: CanvasRenderingContext2D, scene: Scene): void {
  ctx.font = FONT;
  ctx.textBaseline = "middle";
  ctx.direction = "ltr";
  ctx.clearRect(0, 0, scene.width, scene.height);
  const ends = [scene.scroll, scene.scroll + scene.height].map((top) => depthAt(scene.layout, top, scene.upward));
  const first = Math.max(0, Math.min(...ends));
  const last = Math.min(scene.layout.rows.length - 1, Math.max(...ends));
  for (let depth = first; depth <= last; depth++) drawRow(ctx, scene, depth);
  if (scene.hovered >= 0) outline(ctx, scene, scene.hovered, scene.paint.scheme.outline, 1.5);
  if (scene.focused >= 0) outline(ctx, scene, scene.focused, scene.paint.scheme.accent, 3);
}

function drawRow(ctx: CanvasRenderingContext2D, scene: Scene, depth: number): void {
  const { layout, from, to, width } = scene;
  const row = layout.rows[depth]!;
  const scale = width / (to - from);
  const run = { left: 0, right: -1 }; // pixels of neighbours too narrow to be told apart; none while right < left
  for (let at = layout.firstEndingAfter(row, from); at < row.length; ) {
    const node = row[at]!;
    const left = (layout.start[node]! - from) * scale;
    if (left >= width) break;
    const size = layout.total[node]! * scale;
    if (size >= NARROWEST) {
      drawFrame(ctx, scene, node, Math.max(left, 0), Math.min(left + size, width));
      at++;
      continue;
    }
    if (left > run.right) {
      drawRun(ctx, scene, depth, run);
      run.left = left;
    }
    run.right = left + NARROWEST;
    at = Math.max(at + 1, layout.firstEndingAfter(row, from + run.right / scale));
  }
  drawRun(ctx, scene, depth, run);
}

function drawRun(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  depth: number,
  run: { left: number; right: number },
): void {
  if (run.right < run.left) return;
  const top = rowTop(scene.layout, depth, scene.upward) - scene.scroll;
  fill(ctx, scene.paint.scheme.faded, run.left, top, run.right - run.left);
}

function drawFrame(ctx: CanvasRenderingContext2D, scene: Scene, node: number, left: number, right: number): void {
  const { layout, paint } = scene;
  const depth = layout.depth[node]!;
  const top = rowTop(layout, depth, scene.upward) - scene.scroll;
  const width = right - left;
  const dimmed = scene.marks !== null && !scene.marks[node];
  ctx.globalAlpha = dimmed ? 0.28 : 1;
  fill(ctx, depth < scene.zoomDepth ? paint.scheme.faded : paint.fill(node), left, top, width > 3 ? width - 1 : width);
  if (isOutlined(scene, node) && width >= 2) {
    ctx.strokeStyle = paint.scheme.outline;
    ctx.lineWidth = 1;
    ctx.strokeRect(left + 0.5, top + 0.5, width - 2, ROW - 2);
  }
  if (width >= NARROWEST_LABEL) {
    ctx.globalAlpha = dimmed ? 0.6 : 1;
    ctx.fillStyle = paint.scheme.text;
    const label = fitted(ctx, paint.label(node), width - 9);
    if (label !== "") ctx.fillText(label, left + 4, top + ROW / 2);
  }
  ctx.globalAlpha = 1;
}

function fill(ctx: CanvasRenderingContext2D, color: string, left: number, top: number, width: number): void {
  ctx.fillStyle = color;
  ctx.fillRect(left, top, width, ROW - 1);
}

function isOutlined(scene: Scene, node: number): boolean {
  const { layout, outlined } = scene;
  return outlined !== null && layout.nameOf(node) === outlined.name && layout.fileOf(node) === outlined.file;
}

function outline(ctx: CanvasRenderingContext2D, scene: Scene, node: number, color: string, thick: number): void {
  const { layout, from, to, width } = scene;
  const scale = width / (to - from);
  const left = Math.max((layout.start[node]! - from) * scale, 0);
  const right = Math.min((layout.start[node]! + layout.total[node]! - from) * scale, width);
  if (right <= left) return;
  ctx.strokeStyle = color;
  ctx.lineWidth = thick;
  const inset = thick / 2;
  const top = rowTop(layout, layout.depth[node]!, scene.upward) - scene.scroll;
  ctx.strokeRect(left + inset, top + inset, Math.max(right - left - 1 - thick, 1), ROW - 1 - thick);
}

const widths = new Map<string, number>();
const MOST_WIDTHS = 50_000;

function widthOf(ctx: CanvasRenderingContext2D, text: string): number {
  let width = widths.get(text);
  if (width === undefined) {
    if (widths.size >= MOST_WIDTHS) widths.clear();
    width = ctx.measureText(text).width;
    widths.set(text, width);
  }
  return width;
}

const LONGEST_LABEL = 300; // characters that could ever be read in one frame

// As much of `name` as fits into `room` pixels, with an ellipsis where it is cut; "" when not even two letters fit.
function fitted(ctx: CanvasRenderingContext2D, name: string, room: number): string {
  const text = name.length > LONGEST_LABEL ? `${name.slice(0, LONGEST_LABEL)}…` : name;
  const full = widthOf(ctx, text);
  if (full <= room) return text;
  let length = Math.floor((text.length * room) / full);
  while (length >= 2) {
    const cut = `${wholeCharacters(text, length)}…`;
    if (ctx.measureText(cut).width <= room) return cut;
    length--;
  }
  return "";
}

// The first `length` UTF-16 units, without half a surrogate pair.
function wholeCharacters(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}
