// Search: what to look for, what share of the view it holds, and the way from one find to the next.
import type { Ref } from "preact";
import { percent } from "./format";
import type { ViewState } from "./url_state";
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
  found: Found | null;
  searchField: Ref<HTMLInputElement>;
  onStep: ((step: 1 | -1) => void) | null; // null where there is no graph to walk in
}

export function SearchBox({ state, set, found, searchField, onStep }: Props) {
  const key = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    if (event.key === "Escape") set({ search: "" }, "replace");
    if (event.key === "Escape" || event.key === "Enter") event.currentTarget.blur();
    if (event.key === "Enter") onStep?.(event.shiftKey ? -1 : 1);
  };
  return (
    <div class="search">
      <input
        ref={searchField}
        type="search"
        aria-label="Search functions and files"
        placeholder="Search functions, files ( / )"
        title="A regular expression; plain text where it is none. Capital letters matter when there are some."
        spellcheck={false}
        autoComplete="off"
        value={state.search}
        onInput={(event) => set({ search: event.currentTarget.value, fn: null }, "replace")}
        onKeyDown={key}
      />
      <button
        aria-pressed={state.exactCase}
        title="Capital letters always matter, not only when there are some (a)"
        aria-label="Match case"
        onClick={() => set({ exactCase: !state.exactCase }, "replace")}
      >
        Aa
      </button>
      {state.fn !== null && (
        <button class="chip" title="Stop picking this function out (Esc)" onClick={() => set({ fn: null })}>
          <bdi>{state.fn}</bdi> ✕
        </button>
      )}
      {found && <Matched {...found} />}
      {found && found.value > 0 && onStep && (
        <span class="segments">
          <button
            title="The find before (N, or Shift+Enter in the field)"
            aria-label="Previous find"
            onClick={() => onStep(-1)}
          >
            ‹
          </button>
          <button title="The next find (n, or Enter in the field)" aria-label="Next find" onClick={() => onStep(1)}>
            ›
          </button>
        </span>
      )}
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
