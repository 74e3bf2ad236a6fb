// Time by group of reasons, in the colours of the overview.
import { useMemo } from "preact/hooks";
import type { Window } from "../api";
import type { Timeline } from "../api_time";
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
      timeline={timeline}
      layers={layers}
      fills={fills}
      height={height}
      scheme={scheme}
      onRange={onRange}
    />
  );
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
