// One flame graph with all that belongs to it: what it covers, search, way, legend, functions.
import type { Ref } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Flame, Window } from "./api";
import { Breadcrumb } from "./breadcrumb";
import { DARK, LIGHT } from "./colors";
import { FileLegend } from "./file_legend";
import { FlameCanvas, type FunctionName } from "./flame_canvas";
import { count, percent, plural, timeRange } from "./format";
import { FunctionTable } from "./function_table";
import { KIND_TEXT } from "./kinds";
import type { FlameLayout } from "./layout";
import { Comments, Note } from "./notices";
import { compileSearch, markFunction, markMatches, matchedTotal } from "./search";
import { serviceTitle } from "./service_picker";
import { Toolbar } from "./toolbar";
import type { ViewState } from "./url_state";
import { useKeys } from "./use_keys";
import { useMedia } from "./use_load";
import type { SetState } from "./use_url_state";

interface Props {
  flame: Flame;
  layout: FlameLayout; // of `flame`
  state: ViewState;
  set: SetState;
  window: Window;
  searchField: Ref<HTMLInputElement>;
}

export function FlamePanel({ flame, layout, state, set, window, searchField }: Props) {
  const found = useMemo(() => (state.zoom === null ? 0 : layout.findPath(state.zoom)), [layout, state.zoom]);
  const zoom = found ?? 0;
  const grouped = state.byReason && KIND_TEXT[flame.kind].hasReasons;
  const matcher = useMemo(() => compileSearch(state.search), [state.search]);
  const marks = useMemo(() => {
    if (matcher) return markMatches(layout, matcher);
    return state.fn === null ? null : markFunction(layout, state.fn);
  }, [layout, matcher, state.fn]);
  const [hovered, setHovered] = useState<FunctionName | null>(null);
  const [outlined, setOutlined] = useState<FunctionName | null>(null);
  const scheme = useMedia("(prefers-color-scheme: dark)") ? DARK : LIGHT;

  const zoomTo = (node: number) => set({ zoom: node <= 0 ? null : layout.pathKey(node) });
  const up = () => zoomTo(layout.parent[zoom]!);
  useKeys({ "0": () => set({ zoom: null }), Backspace: up });

  const title = `${KIND_TEXT[flame.kind].title} of ${serviceTitle(state.service)}`;
  return (
    <>
      <Coverage flame={flame} />
      <Comments comments={flame.comments} />
      {found === null && <Note>The frame that was zoomed is not in this window, so all of it is shown.</Note>}
      <Toolbar
        state={state}
        set={set}
        window={window}
        zoomed={state.zoom !== null}
        searchField={searchField}
        onUp={up}
        found={
          marks && {
            value: matchedTotal(layout, marks, zoom),
            view: layout.total[zoom]!,
            amount: layout.measure.amount,
            note: matcher?.mode === "text" ? "as plain text, for it is no regular expression" : null,
          }
        }
      />
      <Breadcrumb layout={layout} zoom={zoom} onZoom={zoomTo} />
      <div class="split">
        <div>
          <FlameCanvas
            layout={layout}
            scheme={scheme}
            label={`Flame graph, ${title}, ${layout.measure.amount(flame.total)}`}
            grouped={grouped}
            zoom={zoom}
            marks={marks}
            outlined={outlined}
            onZoom={zoomTo}
            onHover={setHovered}
          />
          <FileLegend
            layout={layout}
            zoom={zoom}
            scheme={scheme}
            onSearch={(file) => set({ search: `^${escapeRegex(file)}$`, fn: null })}
          />
        </div>
        <FunctionTable
          layout={layout}
          zoom={zoom}
          grouped={grouped}
          matcher={matcher}
          by={state.sortTable}
          picked={state.fn}
          hovered={hovered}
          scheme={scheme}
          onSort={(sortTable) => set({ sortTable })}
          onPick={(fn) => set({ fn, search: "" })}
          onHover={setOutlined}
        />
      </div>
    </>
  );
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

// What the graph rests on, and what it leaves out.
function Coverage({ flame }: { flame: Flame }) {
  const text = KIND_TEXT[flame.kind];
  const parts = [
    timeRange(flame.from_ms, flame.to_ms),
    plural(flame.profiles, "profile"),
    `${text.measure.amount(flame.total)} ${text.of}`,
    text.average(flame.total, flame.to_ms - flame.from_ms),
    `${count(flame.depth.length)} frames`,
  ];
  if (flame.dropped > 0) parts.push(`${percent(flame.dropped, flame.total)} folded into “(other)”`);
  return <p class="coverage">{parts.join(" · ")}</p>;
}
