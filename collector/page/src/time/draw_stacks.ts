// Paints layers that are stacked over time, with their axes, into a canvas of CSS pixels.
import type { Window } from "../api";
import type { Scheme } from "../colors";
import { axisTime } from "../format";
import { timeMarks, valueMarks } from "./axis_marks";

// Room around the picture itself. The heat map below one has its columns at the same places.
export const ROOM = { left: 64, right: 28, top: 8, bottom: 24 };
const APART = { times: 90, values: 34 }; // pixels from mark to mark, at least
const FONT = '12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif';

export interface StackScene {
  window: Window; // the width of the picture
  timesMs: number[]; // begin of each step
  stepMs: number;
  tops: (number | null)[][]; // of each layer, by step: its upper edge; null = no profile
  fills: string[];
  format(value: number): string;
  scheme: Scheme;
  hovered: number | null; // step
  chosen: [number, number] | null; // shares of the width
}

export function drawStacks(ctx: CanvasRenderingContext2D, width: number, height: number, scene: StackScene): void {
  const { window, tops, fills, scheme } = scene;
  const [inner, floor] = [width - ROOM.left - ROOM.right, height - ROOM.bottom];
  const highest = 1.05 * (tops.at(-1) ?? []).reduce<number>((most, top) => Math.max(most, top ?? 0), 0) || 1;
  const x = (ms: number) => ROOM.left + ((ms - window.from) / (window.to - window.from)) * inner;
  const y = (value: number) => floor - (value / highest) * (floor - ROOM.top);
  ctx.clearRect(0, 0, width, height);
  drawAxes(ctx, scene, width, highest, x, y);
  ctx.save();
  ctx.beginPath();
  ctx.rect(ROOM.left, 0, inner, floor);
  ctx.clip();
  // From the whole stack down to the lowest layer, each over the one before.
  for (let i = tops.length - 1; i >= 0; i--) {
    ctx.fillStyle = fills[i]!;
    fillSteps(ctx, scene, tops[i]!, x, y);
  }
  ctx.fillStyle = scheme.accent;
  ctx.globalAlpha = 0.25;
  if (scene.chosen) {
    const [left, right] = scene.chosen.map((share) => ROOM.left + share * inner) as [number, number];
    ctx.fillRect(Math.min(left, right), ROOM.top, Math.abs(right - left), floor - ROOM.top);
  } else if (scene.hovered !== null) {
    const left = x(scene.timesMs[scene.hovered]!);
    ctx.fillRect(left, ROOM.top, x(scene.timesMs[scene.hovered]! + scene.stepMs) - left, floor - ROOM.top);
  }
  ctx.restore();
}

type Place = (value: number) => number;

function drawAxes(
  ctx: CanvasRenderingContext2D,
  { window, format, scheme }: StackScene,
  width: number,
  highest: number,
  x: Place,
  y: Place,
): void {
  const times = timeMarks(window, Math.max(1, (width - ROOM.left - ROOM.right) / APART.times));
  ctx.font = FONT;
  ctx.textBaseline = "middle";
  ctx.lineWidth = 1;
  ctx.strokeStyle = scheme.faded;
  ctx.fillStyle = scheme.text;
  ctx.textAlign = "right";
  for (const value of valueMarks(highest, Math.max(1, (y(0) - ROOM.top) / APART.values))) {
    line(ctx, ROOM.left - 6, y(value), width - ROOM.right, y(value));
    ctx.fillText(format(value), ROOM.left - 10, y(value));
  }
  ctx.textAlign = "center";
  for (const at of times.marks) {
    line(ctx, x(at), ROOM.top, x(at), y(0) + 6);
    ctx.fillText(axisTime(at, times.seconds), x(at), y(0) + 15);
  }
}

function line(ctx: CanvasRenderingContext2D, fromX: number, fromY: number, toX: number, toY: number): void {
  ctx.beginPath();
  ctx.moveTo(Math.round(fromX) + 0.5, Math.round(fromY) + 0.5);
  ctx.lineTo(Math.round(toX) + 0.5, Math.round(toY) + 0.5);
  ctx.stroke();
}

// One outline for each run of steps that have profiles, so that no seams show between them.
function fillSteps(
  ctx: CanvasRenderingContext2D,
  { timesMs, stepMs }: StackScene,
  tops: (number | null)[],
  x: Place,
  y: Place,
): void {
  ctx.beginPath();
  tops.forEach((top, step) => {
    if (top === null) return;
    const [left, right] = [x(timesMs[step]!), x(timesMs[step]! + stepMs)];
    if ((tops[step - 1] ?? null) === null) ctx.moveTo(left, y(0));
    ctx.lineTo(left, y(top));
    ctx.lineTo(right, y(top));
    if ((tops[step + 1] ?? null) === null) ctx.lineTo(right, y(0));
  });
  ctx.fill();
}
