// A profile that was saved as one file: its views and filters, without a collector.
import { useMemo, useRef, useState } from "preact/hooks";
import type { Kept } from "./export/one_file";
import { FilterBar } from "./filter_bar";
import { GraphBody } from "./graph_body";
import { HelpDialog } from "./help_dialog";
import { KIND_TEXT } from "./kinds";
import { FlameLayout } from "./layout";
import { treeKeys } from "./page_keys";
import { serviceTitle } from "./service_picker";
import { VIEWS, type View } from "./url_state";
import { useKeys } from "./use_keys";
import { useTheme } from "./use_theme";
import { useUrlState } from "./use_url_state";
import { ViewTabs } from "./view_tabs";

const SAVED_VIEWS: readonly View[] = VIEWS.filter((view) => view !== "time" && view !== "diff");

export function SavedPage({ kept }: { kept: Kept }) {
  const [state, set] = useUrlState(kept.query);
  const [helpOpen, setHelpOpen] = useState(false);
  const searchField = useRef<HTMLInputElement>(null);
  const { flame, root } = kept;
  const graph = useMemo(() => {
    const layout = new FlameLayout(flame, KIND_TEXT[flame.kind].measure);
    return { flame, layout, whole: layout.total[0]!, underReasons: root === "reason" };
  }, [kept]);
  useTheme(state.theme);
  const toSearch = () => searchField.current?.focus();
  const { g, ...keys } = treeKeys(state, set);
  useKeys({
    ...keys,
    ...Object.fromEntries(SAVED_VIEWS.map((view) => [String(VIEWS.indexOf(view) + 1), () => set({ view })])),
    "/": toSearch,
    "Ctrl+f": toSearch,
    "?": () => setHelpOpen(true),
  });
  const shown = SAVED_VIEWS.includes(state.view) ? state : { ...state, view: "flame" as const };
  return (
    <main>
      <section class="card" aria-label="Profile">
        <div class="card-head">
          <h1>
            {KIND_TEXT[flame.kind].title} · <bdi>{serviceTitle(state.service)}</bdi>
          </h1>
          <p class="help">{KIND_TEXT[flame.kind].help} A saved profile: nothing is asked of anybody.</p>
        </div>
        <div class="tools views">
          <ViewTabs views={SAVED_VIEWS} view={shown.view} onView={(view) => set({ view })} />
          <span class="spring" />
          <button onClick={() => setHelpOpen(true)}>
            Help <kbd>?</kbd>
          </button>
        </div>
        <FilterBar saved state={state} set={set} sent={graph.underReasons ? graph.layout : null} />
        <GraphBody
          saved
          graph={graph}
          state={shown}
          set={set}
          window={{ from: flame.from_ms, to: flame.to_ms }}
          searchField={searchField}
        />
      </section>
      <HelpDialog open={helpOpen} onClose={() => setHelpOpen(false)} />
    </main>
  );
}
