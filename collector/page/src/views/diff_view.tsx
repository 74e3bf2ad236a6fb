// What became more and what less, between two times or two services, brought to the same scale.
import { useMemo, useState } from "preact/hooks";
import type { Which, Window } from "../api";
import { fetchChanges } from "../api_diff";
import { ChangeTable } from "../change_table";
import { FlameCanvas, type FunctionName } from "../flame_canvas";
import { changeFill } from "../frame_colors";
import { FlameLayout } from "../layout";
import { Failure, Note } from "../notices";
import type { FunctionChange } from "../tree/changes";
import { difference, scaleOf } from "../tree/difference";
import { baseWindow, type ViewState } from "../url_state";
import { fetchGraph } from "../use_detail";
import { useLoad } from "../use_load";
import { isWhole, rootOf, shapedLayout, type Graph } from "../use_shown";
import { BaseChoice } from "./base_choice";
import type { ViewProps } from "./view_props";

export function DiffView(props: ViewProps) {
  const { graph, shown, state, set, window, scheme } = props;
  const base = baseWindow(state, window);
  const older = useBase(state, base);
  const exact = useChanges(state, window, base, Boolean(older.value));
  const both = useMemo(() => {
    if (!older.value) return null;
    const before = shapedLayout(older.value, state);
    const factor = scaleOf(state.scale, sideOf(older.value, before), sideOf(graph, shown.plain));
    const { columns, ...change } = difference(before, shown.plain, factor);
    return { before, factor, layout: new FlameLayout(columns, shown.plain.measure, change) };
  }, [older.value, graph, shown.plain, state.scale]);
  const [zoom, setZoom] = useState<string | null>(null);
  const [hovered, setHovered] = useState<FunctionName | null>(null);
  const [outlined, setOutlined] = useState<FunctionName | null>(null);
  const node = (zoom !== null && both?.layout.findPath(zoom)) || 0;
  return (
    <>
      <BaseChoice state={state} set={set} window={window} />
      {older.error !== null && <Failure reason={older.error} onRetry={() => set({ base: state.base })} />}
      {older.value === null && <Note>Nothing is stored for the base: choose another time or service for it.</Note>}
      {both && (
        <div class="split">
          <div>
            <FlameCanvas
              layout={both.layout}
              scheme={scheme}
              label={`Difference, ${props.title}`}
              coloring="change"
              underReasons={false}
              zoom={node}
              marks={null}
              outlined={outlined}
              onZoom={(to) => setZoom(to <= 0 ? null : both.layout.pathKey(to))}
              onHover={setHovered}
            />
            <ul class="legend files">
              <li>
                <span class="swatch" style={{ background: changeFill(2, 1, scheme) }} /> − less than in the base
              </li>
              <li>
                <span class="swatch" style={{ background: changeFill(1, 1, scheme) }} /> no change
              </li>
              <li>
                <span class="swatch" style={{ background: changeFill(1, 2, scheme) }} /> + more than in the base
              </li>
              <li class="note">
                A frame is as wide as the mean of both sides; its percentage is the change in points. ≈ may be chance:
                it is smaller than two standard errors of counting.
              </li>
            </ul>
          </div>
          <ChangeTable
            before={both.before}
            after={shown.plain}
            factor={both.factor}
            groups={shown.groups}
            matcher={props.matcher}
            exact={exact}
            by={state.sortTable}
            hovered={hovered}
            onSort={(sortTable) => set({ sortTable })}
            onHover={setOutlined}
          />
        </div>
      )}
    </>
  );
}

function sideOf(graph: Graph, layout: FlameLayout): { total: number; ms: number } {
  return { total: layout.total[0]!, ms: graph.flame.to_ms - graph.flame.from_ms };
}

function baseOf(state: ViewState): Which {
  return {
    service: state.baseService ?? state.service,
    labels: state.baseLabels ?? state.labels,
    reasons: state.reasons,
  };
}

// The collector's own list, of all its stacks; null where the page leaves some out or changes them.
function useChanges(state: ViewState, window: Window, base: Window, asked: boolean): FunctionChange[] | null {
  const whole = asked && isWhole(state);
  const now = { which: { service: state.service, labels: state.labels, reasons: state.reasons }, window };
  const before = { which: baseOf(state), window: base };
  const question = JSON.stringify([state.kind, now, before, state.scale, whole]);
  const changes = useLoad(question, 0, async (signal) =>
    whole ? fetchChanges(state.kind, now, before, state.scale, signal) : null,
  );
  return changes.question === question ? (changes.value ?? null) : null;
}

function useBase(state: ViewState, base: Window) {
  const all = { focus: "", ignore: "", nodes: state.nodes, root: rootOf(state) };
  const query = { ...baseOf(state), kind: state.kind, ...all };
  return useLoad(JSON.stringify([query, base]), 0, (signal) => fetchGraph(query, base, signal));
}
