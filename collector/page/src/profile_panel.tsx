// One profile with all that belongs to it: its views, filters, what it covers, and the view that was chosen.
import type { Ref } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Series, Window } from "./api";
import { ExportDialog } from "./export_dialog";
import { FilterBar, isFiltered } from "./filter_bar";
import { GraphBody } from "./graph_body";
import { KIND_TEXT } from "./kinds";
import { NothingStored } from "./notices";
import { serviceTitle } from "./service_picker";
import type { ViewState } from "./url_state";
import { useKeys } from "./use_keys";
import type { Loaded } from "./use_load";
import type { Graph } from "./use_shown";
import type { SetState } from "./use_url_state";
import { ViewTabs } from "./view_tabs";
import { TimeView } from "./views/time_view";

interface Props {
  graph: Loaded<Graph | null>;
  stale: boolean; // an answer to another question is still shown
  series: Series[];
  state: ViewState;
  set: SetState;
  window: Window;
  searchField: Ref<HTMLInputElement>;
}

export function ProfilePanel({ graph, stale, series, state, set, window, searchField }: Props) {
  const [filtersOpen, setFiltersOpen] = useState(false);
  const [exporting, setExporting] = useState(false);
  const filters = useRef<HTMLDivElement>(null);
  // At once, so that the next key is the field's.
  useLayoutEffect(() => {
    if (filtersOpen) filters.current?.querySelector("input")?.focus();
  }, [filtersOpen]);
  const shown = graph.value;
  useKeys({
    "\\": () => setFiltersOpen(!filtersOpen),
    e: () => shown && setExporting(true),
  });
  return (
    <section class={stale ? "card waiting" : "card"} aria-label="Profile" aria-busy={stale}>
      <div class="card-head">
        <h2>
          {KIND_TEXT[state.kind].title} · <bdi>{serviceTitle(state.service)}</bdi>
        </h2>
        <p class="help">{KIND_TEXT[state.kind].help}</p>
      </div>
      <div class="tools views">
        <ViewTabs view={state.view} onView={(view) => set({ view })} />
        <span class="spring" />
        <button
          aria-pressed={filtersOpen || isFiltered(state)}
          aria-expanded={filtersOpen || isFiltered(state)}
          title="Choose which stacks are shown (\)"
          onClick={() => setFiltersOpen(!filtersOpen)}
        >
          Filter <kbd>\</kbd>
        </button>
        <button disabled={!shown} title="Save it as a file, or copy its address (e)" onClick={() => setExporting(true)}>
          Export <kbd>e</kbd>
        </button>
      </div>
      {(filtersOpen || isFiltered(state)) && (
        <FilterBar bar={filters} state={state} set={set} sent={shown?.underReasons ? shown.layout : null} />
      )}
      {state.view === "time" && shown !== null && <TimeView state={state} set={set} window={window} />}
      {state.view !== "time" && shown === undefined && graph.error === null && <p class="note pad">Loading…</p>}
      {state.view !== "time" && shown && (
        <GraphBody graph={shown} state={state} set={set} window={window} searchField={searchField} />
      )}
      {shown === null && <NothingStored state={state} set={set} series={series} />}
      {shown && exporting && (
        <ExportDialog onClose={() => setExporting(false)} graph={shown} state={state} window={window} />
      )}
    </section>
  );
}
