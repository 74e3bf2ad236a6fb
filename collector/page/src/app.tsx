// The page: state from the address bar, answers from the collector, and the parts that show them.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { fetchFlame, fetchOverview, fetchSeries, type Series } from "./api";
import { FlamePanel } from "./flame_panel";
import { plural } from "./format";
import { Header } from "./header";
import { KeysDialog } from "./keys_dialog";
import { FlameLayout } from "./layout";
import { KIND_TEXT } from "./kinds";
import { Failure, NothingStored } from "./notices";
import { Overview } from "./overview";
import { serviceTitle, type ServiceChoice } from "./service_picker";
import { windowOf, type ViewState } from "./url_state";
import { useKeys } from "./use_keys";
import { useLoad } from "./use_load";
import { useUrlState } from "./use_url_state";

const LIVE_EVERY_MS = 10_000;
const EMPTY_EVERY_MS = 5_000;

export function App() {
  const [state, set] = useUrlState();
  const [attempt, setAttempt] = useState(0);
  const [keysOpen, setKeysOpen] = useState(false);
  const searchField = useRef<HTMLInputElement>(null);
  const again = () => setAttempt((n) => n + 1);

  const when = state.pinned ? `${state.pinned.from}-${state.pinned.to}` : state.range;
  const window = useMemo(() => windowOf(state, Date.now()), [when, attempt]);
  const question = JSON.stringify([when, state.kind, state.service, state.byReason, state.nodes]);
  const series = useLoad(when, attempt, (signal) => fetchSeries(window, signal));
  const overview = useLoad(when, attempt, (signal) => fetchOverview(window, signal));
  const graph = useLoad(question, attempt, async (signal) => {
    const flame = await fetchFlame(state, window, signal);
    return flame && { flame, layout: new FlameLayout(flame, KIND_TEXT[flame.kind].measure) };
  });

  useRepeat(repeatEvery(state, graph.value === null), again);
  useKeys({
    "/": () => searchField.current?.focus(),
    "?": () => setKeysOpen(true),
    ".": () => set({ live: !state.live }, "replace"),
    g: () => KIND_TEXT[state.kind].hasReasons && set({ byReason: !state.byReason, zoom: null }),
    Escape: () => {
      if (state.search !== "" || state.fn !== null) set({ search: "", fn: null });
      else set({ zoom: null });
    },
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
        onKeys={() => setKeysOpen(true)}
      />
      <main>
        {failure !== null && <Failure reason={failure} onRetry={again} />}
        {overview.value && overview.value.services.length > 0 && (
          <Overview answer={overview.value} state={state} set={set} />
        )}
        <section class={graph.loading && graph.question !== question ? "card waiting" : "card"} aria-label="Flame graph">
          <div class="card-head">
            <h2>
              {KIND_TEXT[state.kind].title} · <bdi>{serviceTitle(state.service)}</bdi>
            </h2>
            <p class="help">{KIND_TEXT[state.kind].help}</p>
          </div>
          {graph.value === undefined && graph.error === null && <p class="note pad">Loading…</p>}
          {graph.value && (
            <FlamePanel {...graph.value} state={state} set={set} window={window} searchField={searchField} />
          )}
          {graph.value === null && <NothingStored state={state} set={set} series={series.value ?? []} />}
        </section>
      </main>
      <KeysDialog open={keysOpen} onClose={() => setKeysOpen(false)} />
    </>
  );
}

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

// Every service of the window, with what there is of the chosen kind.
function choicesOf(series: Series[], kind: string): ServiceChoice[] {
  const profiles = new Map<string, number>();
  for (const one of series) {
    const service = one.labels["service_name"] ?? "";
    profiles.set(service, (profiles.get(service) ?? 0) + (one.kind === kind ? one.profiles : 0));
  }
  return [...profiles]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([service, n]) => ({ service, note: n === 0 ? "other kinds only" : plural(n, "profile") }));
}
