// What a difference is taken from: another time, another service, and on which scale.
import type { Window } from "../api";
import { Filter } from "../filter_bar";
import { timeRange } from "../format";
import { Choice } from "../graph_tools";
import { asBase } from "../page_keys";
import { serviceTitle } from "../service_picker";
import { baseWindow, moved, type ViewState } from "../url_state";
import type { SetState } from "../use_url_state";

const HOUR_MS = 3600e3;
const EARLIER: [title: string, ms: number][] = [
  ["An hour earlier", HOUR_MS],
  ["A day earlier", 24 * HOUR_MS],
  ["A week earlier", 7 * 24 * HOUR_MS],
];

interface Props {
  state: ViewState;
  set: SetState;
  window: Window;
}

export function BaseChoice({ state, set, window }: Props) {
  const base = baseWindow(state, window);
  const before = moved(window, -1);
  const isBase = (span: Window) => base.from === span.from && base.to === span.to;
  const unsaid = baseWindow({ ...state, base: null }, window);
  // What stands for itself stays so when time goes on.
  const choose = (span: Window) => set({ base: span.from === unsaid.from ? null : span });
  return (
    <div class="tools" role="group" aria-label="Base of the difference">
      <span class="note">
        Base: <strong>{serviceTitle(state.baseService ?? state.service)}</strong>, {timeRange(base.from, base.to)}; now
        shown against it: <strong>{serviceTitle(state.service)}</strong>, {timeRange(window.from, window.to)}
      </span>
      <button
        aria-pressed={isBase(before)}
        title="The same length of time, just before"
        onClick={() => choose(before)}
      >
        Just before
      </button>
      <button
        aria-pressed={isBase(window)}
        title="This time, of another service or other labels"
        onClick={() => choose(window)}
      >
        Same time
      </button>
      {EARLIER.map(([title, ms]) => (
        <button key={title} onClick={() => set({ base: { from: window.from - ms, to: window.to - ms } })}>
          {title}
        </button>
      ))}
      <button
        title="Take this time, service and labels as the base; then choose what to compare with it (b)"
        onClick={() => set(asBase(state, window))}
      >
        Mark this as base <kbd>b</kbd>
      </button>
      <Filter
        title="Base's labels"
        help={'Matchers of the base, such as version="1.2", to compare it with those of the filter; {} for all series'}
        placeholder={state.labels || "the same"}
        value={state.baseLabels ?? ""}
        onChange={(labels) => set({ baseLabels: labels || null })}
      />
      {(state.baseService !== null || state.baseLabels !== null) && (
        <button onClick={() => set({ baseService: null, baseLabels: null })}>Same service and labels</button>
      )}
      <Choice
        title="Scale"
        help="share: both sides as parts of their own total. rate: both by the second, so that more work shows as more"
        value={state.scale}
        options={["share", "rate"]}
        text={(scale) => (scale === "share" ? "share" : "per second")}
        onChange={(scale) => set({ scale: scale as ViewState["scale"] })}
      />
    </div>
  );
}
