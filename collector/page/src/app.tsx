// The page: state from the address bar, answers from the collector, and the parts that show them.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { fetchOverview, fetchSeries, type Series } from "./api";
import { Header } from "./header";
import { HelpDialog } from "./help_dialog";
import { KIND_TEXT } from "./kinds";
import { Failure } from "./notices";
import { Overview } from "./overview";
import { pageKeys } from "./page_keys";
import { ProfilePanel } from "./profile_panel";
import { choicesOf, serviceTitle } from "./service_picker";
import { windowOf, type ViewState } from "./url_state";
import { fetchGraph, useDetail } from "./use_detail";
import { useKeys } from "./use_keys";
import { useLoad } from "./use_load";
import { rootOf } from "./use_shown";
import { useTheme } from "./use_theme";
import { useUrlState } from "./use_url_state";

const LIVE_EVERY_MS = 10_000;
const EMPTY_EVERY_MS = 5_000;

export function App() {
  const [state, set] = useUrlState();
  const [attempt, setAttempt] = useState(0);
  const [helpOpen, setHelpOpen] = useState(false);
  const searchField = useRef<HTMLInputElement>(null);
  const again = () => setAttempt((n) => n + 1);

  const when = state.pinned ? `${state.pinned.from}-${state.pinned.to}` : state.range;
  const window = useMemo(() => windowOf(state, Date.now()), [when, attempt]);
  const root = rootOf(state);
  const question = JSON.stringify([
    when,
    state.kind,
    state.service,
    state.labels,
    root !== "reason" && state.reasons,
    root,
    state.nodes,
  ]);
  const series = useLoad(when, attempt, (signal) => fetchSeries(window, signal));
  const overview = useLoad(when, attempt, (signal) => fetchOverview(window, signal));
  const graph = useLoad(question, attempt, (signal) =>
    fetchGraph({ ...state, root, focus: "", ignore: "" }, window, signal),
  );
  const detail = useDetail(graph, state, window, attempt);

  const toSearch = () => searchField.current?.focus();
  useTheme(state.theme);
  useRepeat(repeatEvery(state, graph.value === null), again);
  useKeys({
    ...pageKeys(state, set, window),
    "/": toSearch,
    "Ctrl+f": toSearch, // the browser's own search sees nothing of a canvas; it comes by the same keys from the field
    "?": () => setHelpOpen(true),
  });
  useEffect(() => {
    document.title = `${KIND_TEXT[state.kind].title} · ${serviceTitle(state.service)} · Sonde`;
  }, [state.kind, state.service]);

  const failure = graph.error ?? overview.error ?? series.error;
  return (
    <>
      <Header
        state={state}
        set={set}
        choices={choicesOf(series.value ?? [], state.kind)}
        window={window}
        loading={graph.loading || overview.loading}
        onRefresh={again}
        onHelp={() => setHelpOpen(true)}
      />
      <main>
        {failure !== null && <Failure reason={failure} onRetry={again} />}
        {overview.value && overview.value.services.length > 0 && (
          <Overview answer={overview.value} state={state} set={set} window={window} />
        )}
        <ProfilePanel
          graph={detail}
          stale={graph.question !== question}
          series={series.value ?? NO_SERIES}
          state={state}
          set={set}
          window={window}
          searchField={searchField}
        />
      </main>
      <HelpDialog open={helpOpen} onClose={() => setHelpOpen(false)} />
    </>
  );
}

const NO_SERIES: Series[] = [];

// 0 = never.
function repeatEvery(state: ViewState, nothingStored: boolean): number {
  if (state.pinned) return 0;
  if (nothingStored) return EMPTY_EVERY_MS;
  return state.live ? LIVE_EVERY_MS : 0;
}

function useRepeat(everyMs: number, action: () => void): void {
  useEffect(() => {
    if (everyMs === 0) return undefined;
    const timer = setInterval(() => document.hidden || action(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
