// The tree of one profile in the chosen view, with search and what can be done with a frame.
import type { Ref } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Window } from "./api";
import { copyText } from "./clipboard";
import { Coverage } from "./coverage";
import { NO_FILTER } from "./filter_bar";
import { frameActions } from "./frame_actions";
import { GraphTools } from "./graph_tools";
import { KIND_TEXT } from "./kinds";
import { Note, Notes } from "./notices";
import { compileSearch, markFunction, markMatches, matchedTotal, nextMatch } from "./search";
import { SearchBox } from "./search_box";
import { serviceTitle } from "./service_picker";
import { shortcomings } from "./shortcomings";
import type { ViewState } from "./url_state";
import { useKeys } from "./use_keys";
import { useScheme, useShown, type Graph } from "./use_shown";
import { useTop } from "./use_top";
import type { SetState } from "./use_url_state";
import type { ViewProps } from "./views/view_props";
import { DiffView } from "./views/diff_view";
import { FlameView } from "./views/flame_view";
import { SandwichView } from "./views/sandwich_view";
import { TableView } from "./views/table_view";
import { TreeView } from "./views/tree_view";
import { WaitsView } from "./views/waits_view";

interface Props {
  saved?: boolean; // there is no collector to ask for more
  graph: Graph;
  state: ViewState;
  set: SetState;
  window: Window;
  searchField: Ref<HTMLInputElement>;
}

const VIEW_OF: Record<Exclude<ViewState["view"], "time">, (props: ViewProps) => preact.JSX.Element> = {
  flame: FlameView,
  table: TableView,
  sandwich: SandwichView,
  diff: DiffView,
  waits: WaitsView,
  tree: TreeView,
};

export function GraphBody({ saved = false, graph, state, set, window, searchField }: Props) {
  const shown = useShown(graph, state);
  const { plain, seen } = shown;
  const scheme = useScheme(state.theme);
  const foundZoom = useMemo(() => (state.zoom === null ? 0 : seen.findPath(state.zoom)), [seen, state.zoom]);
  const zoom = foundZoom ?? 0;
  const matcher = useMemo(() => compileSearch(state.search, state.exactCase), [state.search, state.exactCase]);
  const marks = useMemo(() => {
    if (matcher) return markMatches(seen, matcher);
    return state.fn === null ? null : markFunction(seen, state.fn);
  }, [seen, matcher, state.fn]);
  const pointed = useRef(-1);
  const [sought, setSought] = useState<{ node: number } | null>(null);
  const notes = useMemo(
    () => [...shortcomings(graph.flame, graph.layout, window), ...graph.flame.comments],
    [graph, window],
  );

  const exact = useTop(state, window, !saved && graph.flame.dropped > 0);

  const zoomTo = (node: number) => set({ zoom: node <= 0 ? null : seen.pathKey(node) });
  const up = () => zoomTo(seen.parent[zoom]!);
  const actions = frameActions(seen, state.folded, set, (text) => void copyText(text)).filter(
    ({ key }) => !(saved && key === "v"), // there is nobody to ask for other times
  );
  const step = (by: 1 | -1) => {
    const node = marks ? nextMatch(seen, marks, zoom, pointed.current, by) : -1;
    if (node >= 0) setSought({ node });
  };
  const ofPointed = actions
    .slice(1)
    .map(({ key, run }): [string, () => void] => [
      key,
      () => pointed.current > 0 && pointed.current < seen.size && run(pointed.current),
    ]);
  const inGraph = state.view === "flame";
  useKeys({
    "0": () => set({ zoom: null }),
    Backspace: up,
    n: () => inGraph && step(1),
    N: () => inGraph && step(-1),
    ...Object.fromEntries(inGraph || state.view === "tree" ? ofPointed : []),
  });

  if (plain.total[0] === 0) {
    return (
      <Note>
        No stack is left by the filters.{" "}
        <button onClick={() => set(NO_FILTER)}>Clear filters</button>
      </Note>
    );
  }
  const Chosen = VIEW_OF[state.view as keyof typeof VIEW_OF];
  return (
    <>
      <Coverage flame={graph.flame} layout={plain} whole={graph.whole} />
      <Notes notes={notes} />
      {foundZoom === null && <Note>The frame that was zoomed is not in this window, so all of it is shown.</Note>}
      <div class="tools">
        <SearchBox
          state={state}
          set={set}
          searchField={searchField}
          onStep={inGraph ? step : null}
          found={
            marks && {
              value: matchedTotal(seen, marks, zoom),
              view: seen.total[zoom]!,
              amount: seen.measure.amount,
              note: matcher?.mode === "text" ? "as plain text, for it is no regular expression" : null,
            }
          }
        />
        <GraphTools saved={saved} state={state} set={set} onUp={up} />
      </div>
      <Chosen
        graph={graph}
        shown={shown}
        state={state}
        set={set}
        window={window}
        scheme={scheme}
        exact={exact}
        title={`${KIND_TEXT[graph.flame.kind].title} of ${serviceTitle(state.service)}`}
        zoom={zoom}
        onZoom={zoomTo}
        matcher={matcher}
        marks={marks}
        actions={actions}
        sought={sought}
        onPoint={(node) => (pointed.current = node)}
      />
    </>
  );
}
