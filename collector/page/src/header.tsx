// The bar at the top: kind, service, time.
import { useState } from "preact/hooks";
import { KIND_TEXT } from "./kinds";
import { ServicePicker, type ServiceChoice } from "./service_picker";
import { timeRange } from "./format";
import { toKind } from "./page_keys";
import { TimeDialog } from "./time_dialog";
import { KINDS, moved, RANGES, THEMES, zoomedTime, type ViewState } from "./url_state";
import { useKeys } from "./use_keys";
import type { SetState } from "./use_url_state";

interface Props {
  state: ViewState;
  set: SetState;
  choices: ServiceChoice[];
  window: { from: number; to: number };
  loading: boolean;
  onRefresh(): void;
  onHelp(): void;
}

export function Header(props: Props) {
  const { state, set } = props;
  return (
    <header class="bar">
      <a class="brand" href={location.pathname} title="Back to the first view">
        <Mark /> Sonde
      </a>
      <div class="segments" role="group" aria-label="Kind of profile">
        {KINDS.map((kind) => (
          <button
            key={kind}
            aria-pressed={state.kind === kind}
            title={KIND_TEXT[kind].help}
            onClick={() => set(toKind(kind, state))}
          >
            {KIND_TEXT[kind].title}
          </button>
        ))}
      </div>
      <ServicePicker
        choices={props.choices}
        selected={state.service}
        onSelect={(service) => set({ service, zoom: null })}
      />
      <span class="spring" />
      <TimeChoice {...props} />
      <button
        title={`Theme: ${state.theme}; dark, light, or as the system (D)`}
        aria-label={`Theme: ${state.theme}`}
        onClick={() => set({ theme: THEMES[(THEMES.indexOf(state.theme) + 1) % THEMES.length]! }, "replace")}
      >
        {THEME_SIGNS[state.theme]}
      </button>
      <button onClick={props.onHelp} title="All keys, and how to read the graphs and the reasons (?)">
        Help <kbd>?</kbd>
      </button>
      <div class={props.loading ? "progress on" : "progress"} />
    </header>
  );
}

const THEME_SIGNS: Record<ViewState["theme"], string> = { system: "◐", light: "☀", dark: "☾" };

function TimeChoice({ state, set, window, onRefresh }: Props) {
  const [choosing, setChoosing] = useState(false);
  useKeys({ T: () => setChoosing(true) });
  return (
    <div class="times">
      <div class="segments" role="group" aria-label="Step in time">
        <button
          title="The same length of time before ([)"
          aria-label="Earlier"
          onClick={() => set({ pinned: moved(window, -1), live: false })}
        >
          ‹
        </button>
        <button
          title="The same length of time after (])"
          aria-label="Later"
          onClick={() => set({ pinned: moved(window, 1), live: false })}
        >
          ›
        </button>
        <button
          title="Half of this time (+)"
          aria-label="Shorter time"
          onClick={() => set({ pinned: zoomedTime(window, 0.5), live: false })}
        >
          +
        </button>
        <button
          title="Twice this time (-)"
          aria-label="Longer time"
          onClick={() => set({ pinned: zoomedTime(window, 2), live: false })}
        >
          −
        </button>
      </div>
      <div class="segments" role="group" aria-label="Time range">
        {Object.keys(RANGES).map((range) => (
          <button
            key={range}
            aria-pressed={!state.pinned && state.range === range}
            title={`The last ${range}`}
            onClick={() => set({ range, pinned: null })}
          >
            {range}
          </button>
        ))}
      </div>
      <button title="A day, or any two instants (T)" onClick={() => setChoosing(true)}>
        Time <kbd>T</kbd>
      </button>
      <TimeDialog open={choosing} state={state} set={set} window={window} onClose={() => setChoosing(false)} />
      {state.pinned ? (
        <button
          class="held"
          title="Showing a fixed window; click to follow the present again (h)"
          onClick={() => set({ pinned: null })}
        >
          {timeRange(state.pinned.from, state.pinned.to)} ✕
        </button>
      ) : (
        <>
          <button
            aria-pressed={state.live}
            title="Refresh every 10 seconds (.)"
            onClick={() => set({ live: !state.live }, "replace")}
          >
            <span class="dot" /> Live
          </button>
          <button
            title="Keep this window: the address then shows the same data later, to you and to others (h)"
            onClick={() => set({ pinned: window, live: false })}
          >
            Hold
          </button>
        </>
      )}
      <button onClick={onRefresh} title="Load again" aria-label="Refresh">
        ↻
      </button>
    </div>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <rect x="2" y="4" width="28" height="7" rx="1.5" fill="#e8590c" />
      <rect x="2" y="12.5" width="19" height="7" rx="1.5" fill="#f08c00" />
      <rect x="22.5" y="12.5" width="7.5" height="7" rx="1.5" fill="#4263eb" />
      <rect x="2" y="21" width="10" height="7" rx="1.5" fill="#2b8a3e" />
    </svg>
  );
}
