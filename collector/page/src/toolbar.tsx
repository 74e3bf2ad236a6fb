// Search and what can be done with the graph.
import type { Ref } from "preact";
import { pprofAddress, type Window } from "./api";
import { percent } from "./format";
import { KIND_TEXT } from "./kinds";
import { NODE_LIMITS, type ViewState } from "./url_state";
import type { SetState } from "./use_url_state";

export interface Found {
  value: number;
  view: number; // value of the whole view
  amount: (value: number) => string;
  note: string | null; // how the query was read, when that is not obvious
}

interface Props {
  state: ViewState;
  set: SetState;
  window: Window;
  found: Found | null;
  zoomed: boolean;
  searchField: Ref<HTMLInputElement>;
  onUp(): void;
}

export function Toolbar({ state, set, window, found, zoomed, searchField, onUp }: Props) {
  const reset = () => set({ zoom: null });
  return (
    <div class="tools">
      <div class="search">
        <input
          ref={searchField}
          type="search"
          aria-label="Search functions and files"
          placeholder="Search functions and files ( / )"
          title="A regular expression; plain text where it is none. Capital letters matter when there are some."
          spellcheck={false}
          autoComplete="off"
          value={state.search}
          onInput={(event) => set({ search: event.currentTarget.value, fn: null }, "replace")}
          onKeyDown={(event) => {
            if (event.key === "Escape") set({ search: "" }, "replace");
            if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
          }}
        />
        {state.fn !== null && (
          <button class="chip" title="Stop picking this function out (Esc)" onClick={() => set({ fn: null })}>
            <bdi>{state.fn}</bdi> ✕
          </button>
        )}
        {found && <Matched {...found} />}
      </div>
      <button disabled={!zoomed} onClick={reset} title="Show everything (0)">
        Reset <kbd>0</kbd>
      </button>
      <button disabled={!zoomed} onClick={onUp} title="One frame up (Backspace)">
        Up <kbd>⌫</kbd>
      </button>
      {KIND_TEXT[state.kind].hasReasons && (
        <button
          aria-pressed={state.byReason}
          title="Put what the threads waited for as the first frame (g)"
          onClick={() => set({ byReason: !state.byReason, zoom: null })}
        >
          By reason <kbd>g</kbd>
        </button>
      )}
      <label class="detail" title="How many frames the collector sends; the rest is folded into “(other)”">
        Detail
        <select value={state.nodes} onChange={(event) => set({ nodes: Number(event.currentTarget.value) })}>
          {NODE_LIMITS.map((limit) => (
            <option key={limit} value={limit}>
              {limit / 1000}k
            </option>
          ))}
        </select>
      </label>
      <a
        class="button"
        href={pprofAddress(state.kind, state.service, window)}
        download={`${state.kind}.pb.gz`}
        title="This window as a file for go tool pprof, speedscope and others"
      >
        Download pprof
      </a>
    </div>
  );
}

function Matched({ value, view, amount, note }: Found) {
  return (
    <output class="matched">
      matched <strong>{percent(value, view)}</strong> of view · {amount(value)}
      {note && <span class="note"> · {note}</span>}
    </output>
  );
}
