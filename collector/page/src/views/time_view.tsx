// How a kind's value was divided over time, and how long waits were.
import { useMemo } from "preact/hooks";
import type { Window } from "../api";
import type { Timeline } from "../api_time";
import { fileFill } from "../frame_colors";
import { Choice } from "../graph_tools";
import { KIND_TEXT } from "../kinds";
import { Failure, Note } from "../notices";
import { GroupChart } from "../time/group_chart";
import { HeatMap } from "../time/heat_map";
import { StackedChart } from "../time/stacked_chart";
import { layersByValue } from "../time/stacks";
import { useHeatMap, useTimeline } from "../time/use_timeline";
import type { ViewState } from "../url_state";
import { useScheme } from "../use_shown";
import type { SetState } from "../use_url_state";

const HEIGHT = 240;

interface Props {
  state: ViewState;
  set: SetState;
  window: Window;
}

export function TimeView({ state, set, window }: Props) {
  const { hasReasons } = KIND_TEXT[state.kind];
  const by = state.timeBy === "reason" && !hasReasons ? "service_name" : state.timeBy;
  const timeline = useTimeline(state.kind, state, by, window);
  const options = [
    ...(hasReasons ? ["reason", "syscall"] : []),
    "service_name",
    "process",
    "node",
    "container",
    "unit",
  ];
  const onRange = (pinned: Window) => set({ pinned, live: false });
  return (
    <>
      <div class="tools">
        <Choice
          title="Divide by"
          help="A label of the samples"
          value={by}
          options={options.includes(by) ? options : [...options, by]}
          text={(label) => label}
          onChange={(timeBy) => set({ timeBy })}
        />
      </div>
      {timeline.error !== null && <Failure reason={timeline.error} onRetry={() => set({ pinned: window })} />}
      {timeline.value === null && <Note>Nothing is stored for this time.</Note>}
      {timeline.value && by === "reason" && (
        <GroupChart
          timeline={timeline.value}
          window={window}
          busyOnly={state.busyBars}
          height={HEIGHT}
          theme={state.theme}
          onRange={onRange}
        />
      )}
      {timeline.value && by !== "reason" && (
        <ValueChart timeline={timeline.value} window={window} kind={state.kind} theme={state.theme} onRange={onRange} />
      )}
      {state.kind === "offcpu" && <Lengths state={state} set={set} window={window} onRange={onRange} />}
    </>
  );
}

interface ValueChartProps {
  timeline: Timeline;
  window: Window;
  kind: ViewState["kind"];
  theme: ViewState["theme"];
  onRange(window: Window): void;
}

function ValueChart({ timeline, window, kind, theme, onRange }: ValueChartProps) {
  const scheme = useScheme(theme);
  const layers = useMemo(() => layersByValue(timeline), [timeline]);
  const fills = layers.map((layer) =>
    layer.name === "all others" ? scheme.faded : fileFill(layer.name, layer.name, scheme),
  );
  return (
    <StackedChart
      label={`${KIND_TEXT[kind].title} over time`}
      window={window}
      timeline={timeline}
      layers={layers}
      fills={fills}
      height={HEIGHT}
      scheme={scheme}
      onRange={onRange}
    />
  );
}

function Lengths({ state, set, window, onRange }: Props & { onRange(window: Window): void }) {
  const scheme = useScheme(state.theme);
  const heat = useHeatMap(state, window);
  return (
    <>
      <div class="tools">
        <h3>How long waits were</h3>
        <Choice
          title="Colour tells"
          help="How many waits there were of that length, or how long they were together"
          value={state.heatOf}
          options={["waits", "values"]}
          text={(of) => (of === "waits" ? "how many" : "time together")}
          onChange={(of) => set({ heatOf: of as ViewState["heatOf"] })}
        />
      </div>
      {heat.error !== null && <Failure reason={heat.error} onRetry={() => set({ pinned: window })} />}
      {heat.value && (
        <HeatMap answer={heat.value} window={window} of={state.heatOf} scheme={scheme} onRange={onRange} />
      )}
      <p class="note pad">
        {heat.value?.counted
          ? "All waits, as they were counted: each stands in the row of its own length."
          : "Estimates: each wait is as long here as the mean of its stack in its window. Of some stacks alone there is " +
            "no more, nor of senders that do not count lengths."}
      </p>
    </>
  );
}
