// Which stacks are shown: by function or file, by wait reason, by labels of their series.
import type { Ref } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { percent } from "./format";
import { KIND_TEXT } from "./kinds";
import type { FlameLayout } from "./layout";
import { REASONS } from "./reasons";
import { childrenOf } from "./tree/open_rows";
import { DEFAULTS, type ViewState } from "./url_state";
import type { SetState } from "./use_url_state";

export const NO_FILTER = { focus: "", ignore: "", folded: DEFAULTS.folded, reasons: DEFAULTS.reasons, zoom: null };

export function isFiltered(state: ViewState): boolean {
  const { focus, ignore, labels, folded, reasons } = state;
  return focus !== "" || ignore !== "" || labels !== "" || folded.length > 0 || reasons.length > 0;
}

interface Props {
  bar?: Ref<HTMLDivElement>;
  saved?: boolean; // there is no collector to ask for other labels
  state: ViewState;
  set: SetState;
  sent: FlameLayout | null; // the tree with wait reasons at depth 1; null where there is none
}

export function FilterBar({ bar, saved = false, state, set, sent }: Props) {
  const toggle = (reason: string) => {
    const chosen = state.reasons.includes(reason);
    const reasons = chosen ? state.reasons.filter((one) => one !== reason) : [...state.reasons, reason];
    set({ reasons, zoom: null });
  };
  return (
    <div ref={bar} class="tools filters" role="group" aria-label="Filters">
      {!saved && (
        <Filter
          title="Labels"
          help={'Matchers of labels, with = != =~ !~, such as node="web-1", unit=~"nginx.*"'}
          placeholder={'node="…", unit=~"…"'}
          value={state.labels}
          onChange={(labels) => set({ labels, zoom: null })}
        />
      )}
      <Filter
        title="Only with"
        help="Only stacks with a function or file that matches: a regular expression"
        value={state.focus}
        onChange={(focus) => set({ focus, zoom: null })}
      />
      <Filter
        title="Without"
        help="No stacks with a function or file that matches: a regular expression"
        value={state.ignore}
        onChange={(ignore) => set({ ignore, zoom: null })}
      />
      {state.folded.map((name) => (
        <button
          key={name}
          class="chip"
          title="What this function calls is part of it: unfold"
          onClick={() => set({ folded: state.folded.filter((one) => one !== name), zoom: null })}
        >
          folded: <bdi>{name}</bdi> ✕
        </button>
      ))}
      {sent && (
        <span class="reasons" role="group" aria-label="Wait reasons">
          {childrenOf(sent, 0).map((node) => (
            <ReasonButton
              key={sent.nameOf(node)}
              reason={sent.nameOf(node)}
              chosen={state.reasons.includes(sent.nameOf(node))}
              share={percent(sent.total[node]!, sent.total[0]!)}
              onToggle={toggle}
            />
          ))}
        </span>
      )}
      {!sent && KIND_TEXT[state.kind].hasReasons && (
        <span class="reasons" role="group" aria-label="Wait reasons">
          <span class="note">All reasons: group by none or reason.</span>
          {state.reasons.map((reason) => (
            <ReasonButton key={reason} reason={reason} chosen share="" onToggle={toggle} />
          ))}
        </span>
      )}
      {isFiltered(state) && (
        <button title="Show all stacks again" onClick={() => set({ ...NO_FILTER, labels: "" })}>
          Clear filters
        </button>
      )}
    </div>
  );
}

interface ReasonButtonProps {
  reason: string;
  chosen: boolean;
  share: string;
  onToggle(reason: string): void;
}

function ReasonButton({ reason, chosen, share, onToggle }: ReasonButtonProps) {
  return (
    <button
      aria-pressed={chosen}
      title={REASONS[reason]?.means ?? "a reason of another agent"}
      onClick={() => onToggle(reason)}
    >
      {reason} <span class="share">{share}</span>
    </button>
  );
}

interface FilterProps {
  title: string;
  help: string;
  placeholder?: string;
  value: string;
  onChange(value: string): void;
}

// Takes effect by Enter or when the field is left, so that half a word asks for nothing.
export function Filter({ title, help, placeholder, value, onChange }: FilterProps) {
  const [typed, setTyped] = useState(value);
  useLayoutEffect(() => setTyped(value), [value]); // before any key is
  const commit = (text: string) => text !== value && onChange(text);
  const key = (event: KeyboardEvent & { currentTarget: HTMLInputElement }) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    if (event.key === "Escape") setTyped((event.currentTarget.value = value));
    event.currentTarget.blur(); // which takes it; keys act on the page again
  };
  return (
    <label class="detail" title={help}>
      {title}
      <input
        type="text"
        value={typed}
        placeholder={placeholder}
        spellcheck={false}
        autoComplete="off"
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={key}
        onBlur={(event) => commit(event.currentTarget.value)}
      />
    </label>
  );
}
