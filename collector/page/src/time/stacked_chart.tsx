// Layers stacked over time, by uPlot: what was when, and a range of it chosen by dragging.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Window } from "../api";
import type { Timeline } from "../api_time";
import type { Scheme } from "../colors";
import { axisTime, timeRange } from "../format";
import { stacked, type Layer } from "./stacks";
import { unitOf } from "./timeline_unit";

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

export function StackedChart(props: Props) {
  const { label, timeline, layers, fills, height } = props;
  const { times_ms: timesMs, step_ms: stepMs } = timeline;
  const { each, unit, format } = unitOf(timeline);
  const holder = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const box = holder.current!;
    const options = { ...optionsOf(latest, setAt), width: box.clientWidth, height };
    const chart = new uPlot(options, dataOf(timesMs, stepMs, layers, each), box);
    const observer = new ResizeObserver(() => chart.setSize({ width: box.clientWidth, height }));
    observer.observe(box);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [timeline, layers, fills.join(), height, props.window.from, props.window.to]);

  const step = at === null || at >= timesMs.length ? null : at;
  return (
    <div class="chart">
      <div ref={holder} role="img" aria-label={`${label}: ${summary(layers, each, format)}`} />
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

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

function summary(layers: Layer[], each: number, format: (value: number) => string): string {
  return layers.map((layer) => `${layer.name} ${format(mean(layer.values) * each)} on average`).join(", ");
}

// The last step is as wide as the others: it ends with a point that repeats it.
function dataOf(timesMs: number[], stepMs: number, layers: Layer[], each: number): uPlot.AlignedData {
  const times = [...timesMs, (timesMs.at(-1) ?? 0) + stepMs].map((ms) => ms / 1000);
  const rows = stacked(layers, each).map((row) => [...row, row.at(-1) ?? null]);
  return [times, ...rows.reverse()];
}

// Layers are drawn from the whole stack down to the lowest one, each over the one before.
function optionsOf(
  latest: { current: Props },
  onStep: (step: number | null) => void,
): Omit<uPlot.Options, "width" | "height"> {
  const { window, timeline, layers, fills, scheme } = latest.current;
  const { format } = unitOf(timeline);
  const axis = {
    size: 30,
    stroke: scheme.text,
    grid: { stroke: scheme.faded, width: 1 },
    ticks: { stroke: scheme.faded, width: 1 },
  };
  return {
    legend: { show: false },
    padding: [8, 28, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
    scales: {
      x: { range: [window.from / 1000, window.to / 1000] },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.05 : 1] },
    },
    axes: [
      { ...axis, values: (_, times, __, ___, increment) => times.map((at) => axisTime(at * 1000, increment)) },
      { ...axis, size: 64, values: (_, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      ...layers.map((_, i) => ({
        fill: fills[layers.length - 1 - i]!,
        width: 0,
        paths: uPlot.paths.stepped!({ align: 1 }),
        points: { show: false },
      })),
    ],
    hooks: {
      setCursor: [(chart) => onStep(chart.cursor.idx ?? null)],
      setSelect: [
        (chart) => {
          const [left, right] = [chart.select.left, chart.select.left + chart.select.width];
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          const [from, to] = [left, right].map((place) => Math.round(chart.posToVal(place, "x") * 1000)) as [
            number,
            number,
          ];
          if (to > from) latest.current.onRange({ from, to });
        },
      ],
    },
  };
}
