// How long waits were, over time: a column for each step, a row for each power of two.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Window } from "../api";
import type { HeatMapAnswer } from "../api_time";
import { oklch, type Scheme } from "../colors";
import { duration, plural, timeRange } from "../format";
import { cellAt, placeOfStep, strengths, usedRows, type HeatCell, type HeatOf } from "./heat_rows";

const ROW = 12; // pixels
const LABEL_EVERY = 3; // rows

interface Props {
  answer: HeatMapAnswer;
  window: Window; // the width of the map; steps may cover a part of it alone
  of: HeatOf;
  scheme: Scheme;
  onRange(window: Window): void;
}

export function HeatMap({ answer, window, of, scheme, onRange }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cell, setCell] = useState<HeatCell | null>(null);
  const [from, setFrom] = useState<number | null>(null); // step at which a drag began
  const used = usedRows(answer);
  const rows = used ? used.last - used.first + 1 : 0;
  useEffect(() => {
    const surface = canvas.current;
    if (!surface) return undefined; // there is no wait to show
    const chosen: [number, number] | null = from === null ? null : [from, cell?.step ?? from];
    const paint = () => drawHeat(surface, answer, window, of, scheme, chosen);
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(surface);
    return () => observer.disconnect();
  }, [answer, window.from, window.to, of, scheme, from, cell?.step]);
  if (!used) return <p class="note pad">No wait ended in this time.</p>;

  const at = (event: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    return cellAt(answer, window, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  };
  const choose = (event: PointerEvent) => {
    const to = at(event)?.step ?? from;
    setFrom(null);
    if (from === null || to === null || from === to) return;
    onRange({ from: answer.times_ms[Math.min(from, to)]!, to: answer.times_ms[Math.max(from, to)]! + answer.step_ms });
  };
  return (
    <div class="heat">
      <div class="heat-lengths" aria-hidden="true">
        {answer.low.slice(used.first, used.last + 1).map((low, i) => (
          <span key={low}>{i % LABEL_EVERY === 0 ? duration(low) : ""}</span>
        ))}
      </div>
      <canvas
        ref={canvas}
        role="img"
        aria-label={`Heat map of waits by length: from ${duration(answer.low[used.first]!)} to ${duration(2 * answer.low[used.last]!)}`}
        style={{ height: `${rows * ROW}px` }}
        onPointerDown={(event) => setFrom(at(event)?.step ?? null)}
        onPointerMove={(event) => setCell(at(event))}
        onPointerUp={choose}
        onPointerLeave={() => (setCell(null), setFrom(null))}
      />
      <p class="note pad">{cell ? cellText(answer, cell) : "Longest waits on top; drag to choose a range of time."}</p>
    </div>
  );
}

function cellText(answer: HeatMapAnswer, { row, step }: HeatCell): string {
  const begin = answer.times_ms[step]!;
  const waits = answer.waits[row]![step]!;
  const time = answer.values[row]![step]!;
  const length = `${duration(answer.low[row]!)} to ${duration(2 * answer.low[row]!)} long`;
  return `${timeRange(begin, begin + answer.step_ms)}: ${plural(waits, "wait")} ${length}, ${duration(time)} together`;
}

function drawHeat(
  canvas: HTMLCanvasElement,
  answer: HeatMapAnswer,
  window: Window,
  of: HeatOf,
  scheme: Scheme,
  chosen: [number, number] | null,
): void {
  const used = usedRows(answer);
  if (!used) return;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const ctx = canvas.getContext("2d")!;
  const height = canvas.height / (used.last - used.first + 1);
  const left = (step: number) => Math.round(placeOfStep(answer, window, step) * canvas.width);
  strengths(answer[of]).forEach((row, i) => {
    row.forEach((strength, step) => {
      if (strength === 0) return;
      ctx.fillStyle = heatFill(strength, scheme);
      const top = Math.floor((used.last - i) * height);
      ctx.fillRect(left(step), top, left(step + 1) - left(step), Math.ceil(height) - 1);
    });
  });
  if (!chosen) return;
  const [first, last] = [Math.min(...chosen), Math.max(...chosen)];
  ctx.strokeStyle = scheme.accent;
  ctx.lineWidth = 2 * ratio;
  ctx.strokeRect(left(first), ratio, left(last + 1) - left(first), canvas.height - 2 * ratio);
}

// One hue, from the surface's own lightness away: read by everybody, and in print.
function heatFill(strength: number, scheme: Scheme): string {
  const dark = scheme.lightness < 0.6;
  return oklch(dark ? 0.25 + 0.6 * strength : 0.97 - 0.55 * strength, 0.03 + 0.14 * strength, 40);
}
