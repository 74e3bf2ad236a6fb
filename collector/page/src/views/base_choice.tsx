// What a difference is taken from: another time, another service, and on which scale.
import type { Window } from "../api";
import { timeRange } from "../format";
import { Choice } from "../graph_tools";
import { serviceTitle } from "../service_picker";
import { moved, type ViewState } from "../url_state";
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
  const base = state.base ?? moved(window, -1);
  return (
    <div class="tools" role="group" aria-label="Base of the difference">
      <span class="note">
        Base: <strong>{serviceTitle(state.baseService ?? state.service)}</strong>, {timeRange(base.from, base.to)}; now shown against it:{" "}
        <strong>{serviceTitle(state.service)}</strong>, {timeRange(window.from, window.to)}
      </span>
      <button aria-pressed={state.base === null} title="The same length of time, just before" onClick={() => set({ base: null })}>
        Just before
      </button>
      {EARLIER.map(([title, ms]) => (
        <button key={title} onClick={() => set({ base: { from: window.from - ms, to: window.to - ms } })}>
          {title}
        </button>
      ))}
      <button
        title="Take this time and this service as the base; then choose what to compare with it (b)"
        onClick={() => set({ base: window, baseService: state.service })}
      >
        Mark this as base <kbd>b</kbd>
      </button>
      {state.baseService !== null && <button onClick={() => set({ baseService: null })}>Same service</button>}
      <Choice
        title="Scale"
        help="share: both sides as parts of their own total. rate: both by the second, so that more work shows as more"
        value={state.scale}
        options={["share", "rate"]}
        text={(scale) => (scale === "share" ? "share of the total" : "per second")}
        onChange={(scale) => set({ scale: scale as ViewState["scale"] })}
      />
    </div>
  );
}
