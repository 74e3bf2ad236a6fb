// Time by group of reasons, in the colours of the overview.
import { useMemo } from "preact/hooks";
import type { Window } from "../api";
import type { Timeline } from "../api_time";
import { bytes } from "../format";
import type { ViewState } from "../url_state";
import { useScheme } from "../use_shown";
import { StackedChart } from "./stacked_chart";
import { layersByGroup } from "./stacks";

interface Props {
  timeline: Timeline; // by reason
  window: Window;
  busyOnly: boolean; // without idle time and sleep
  height: number;
  theme: ViewState["theme"];
  onRange(window: Window): void;
}

export function GroupChart({ timeline, window, busyOnly, height, theme, onRange }: Props) {
  const scheme = useScheme(theme);
  const layers = useMemo(() => layersByGroup(timeline, busyOnly), [timeline, busyOnly]);
  const fills = useMemo(() => layers.map((layer) => groupColor(layer.key)), [layers, scheme]);
  return (
    <StackedChart
      label="Threads by what their time went to"
      window={window}
      timesMs={timeline.times_ms}
      stepMs={timeline.step_ms}
      layers={layers}
      fills={fills}
      {...valueOf(timeline)}
      height={height}
      ink={{ text: scheme.text, line: scheme.faded }}
      onRange={onRange}
    />
  );
}

// A step's nanoseconds become threads at a time, other values become so much a second.
export function valueOf(timeline: Timeline): { each: number; unit: string; format(value: number): string } {
  if (timeline.unit === "nanoseconds")
    return { each: 1 / (1e6 * timeline.step_ms), unit: "threads at a time", format: threads };
  return { each: 1000 / timeline.step_ms, unit: "a second", format: bytes };
}

function threads(value: number): string {
  if (value === 0) return "0";
  if (value < 0.001) return "<0.001";
  return value < 0.1 ? value.toPrecision(1) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}

// The overview's colour of a group, as the style sheet has it for this theme.
function groupColor(group: string): string {
  const probe = document.createElement("span");
  probe.className = `swatch ${group.replace("-", "_")}`;
  document.body.append(probe);
  const color = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return color;
}
