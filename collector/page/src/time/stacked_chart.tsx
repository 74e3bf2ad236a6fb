// Layers stacked over time: what was when, and a range of it chosen by dragging.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Window } from "../api";
import type { Timeline } from "../api_time";
import type { Scheme } from "../colors";
import { timeRange } from "../format";
import { drawStacks, ROOM } from "./draw_stacks";
import { stacked, type Layer } from "./stacks";
import { unitOf } from "./timeline_unit";

const SHORTEST_DRAG = 4; // pixels; less is a click

interface Props {
  label: string; // what is shown, for those who do not see it
  window: Window; // what was asked for; steps may cover a part of it alone
  timeline: Timeline;
  layers: Layer[]; // of it
  fills: string[]; // of each layer
  height: number;
  scheme: Scheme;
  onRange(window: Window): void;
}

export function StackedChart({ label, window, timeline, layers, fills, height, scheme, onRange }: Props) {
  const { times_ms: timesMs, step_ms: stepMs } = timeline;
  const { each, unit, format } = unitOf(timeline);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [at, setAt] = useState<number | null>(null); // share of the width
  const [from, setFrom] = useState<number | null>(null); // where a drag began
  const step = at === null ? null : stepAt(timeline, window.from + at * (window.to - window.from));

  useEffect(() => {
    const surface = canvas.current!;
    const tops = stacked(layers, each);
    const chosen: [number, number] | null = from === null || at === null ? null : [from, at];
    const paint = () => {
      const ratio = devicePixelRatio || 1;
      const width = surface.clientWidth;
      surface.width = Math.round(width * ratio);
      surface.height = Math.round(height * ratio);
      const ctx = surface.getContext("2d")!;
      ctx.scale(ratio, ratio);
      drawStacks(ctx, width, height, { window, timesMs, stepMs, tops, fills, format, scheme, hovered: step, chosen });
    };
    paint();
    const observer = new ResizeObserver(paint);
    observer.observe(surface);
    return () => observer.disconnect();
  }, [timeline, layers, fills.join(), height, scheme, window.from, window.to, step, from, from !== null && at]);

  const innerWidth = () => canvas.current!.clientWidth - ROOM.left - ROOM.right;
  const shareOf = (event: PointerEvent) =>
    Math.min(1, Math.max(0, (event.clientX - canvas.current!.getBoundingClientRect().left - ROOM.left) / innerWidth()));
  const begin = (event: PointerEvent) => {
    if (event.button !== 0) return;
    canvas.current!.setPointerCapture(event.pointerId);
    setFrom(shareOf(event));
  };
  const choose = (event: PointerEvent) => {
    setFrom(null);
    if (from === null || Math.abs(shareOf(event) - from) * innerWidth() < SHORTEST_DRAG) return;
    const [left, right] = [from, shareOf(event)]
      .sort((a, b) => a - b)
      .map((share) => Math.round(window.from + share * (window.to - window.from))) as [number, number];
    if (right > left) onRange({ from: left, to: right });
  };

  return (
    <div class="chart">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`${label}: ${summary(layers, each, format)}`}
        style={{ height: `${height}px` }}
        onPointerDown={begin}
        onPointerMove={(event) => setAt(shareOf(event))}
        onPointerUp={choose}
        onPointerCancel={() => setFrom(null)}
        onPointerLeave={() => setAt(null)}
      />
      <ul class="legend files">
        <li class="note">
          {unit},{" "}
          {step === null
            ? "on average; drag to choose a range of time"
            : timeRange(timesMs[step]!, timesMs[step]! + stepMs)}
        </li>
        {layers.map((layer, i) => (
          <li key={layer.key} title={layer.help}>
            <span class="swatch" style={{ background: fills[i] }} /> <bdi>{layer.name}</bdi>{" "}
            <span class="share">{format((step === null ? mean(layer.values) : layer.values[step]!) * each)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

function stepAt({ times_ms: timesMs, step_ms: stepMs }: Timeline, ms: number): number | null {
  const step = Math.floor((ms - (timesMs[0] ?? 0)) / stepMs);
  return step >= 0 && step < timesMs.length ? step : null;
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function summary(layers: Layer[], each: number, format: (value: number) => string): string {
  return layers.map((layer) => `${layer.name} ${format(mean(layer.values) * each)} on average`).join(", ");
}
