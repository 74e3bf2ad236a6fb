// How the graph is drawn: groups, colours, direction, recursion, detail.
import { KIND_TEXT } from "./kinds";
import { COLORS, NODE_LIMITS, type ViewState } from "./url_state";
import type { SetState } from "./use_url_state";

export const RECURSIONS: Record<ViewState["recursion"], string> = {
  kept: "kept",
  direct: "merged if direct",
  merged: "merged",
};

// What stacks can be grouped by, in the order in which `g` steps through it.
function groupsOf(state: ViewState): string[] {
  const reasons = KIND_TEXT[state.kind].hasReasons ? ["reason", "syscall"] : [];
  return ["", ...reasons, "process", "service_name", "node", "container", "unit"];
}

export function nextGroup(state: ViewState): string {
  const groups = groupsOf(state);
  return groups[(groups.indexOf(state.group) + 1) % groups.length]!;
}

// What frames can be coloured by: reasons are known of a tree that stands under them, or under nothing.
export function colorsOf(state: ViewState): ViewState["colorBy"][] {
  const knowsReasons = KIND_TEXT[state.kind].hasReasons && ["", "reason"].includes(state.group);
  return COLORS.filter((by) => by !== "reason" || knowsReasons);
}

export function coloringOf(state: ViewState): ViewState["colorBy"] {
  return colorsOf(state).includes(state.colorBy) ? state.colorBy : "file";
}

interface Props {
  saved: boolean; // there is no collector to ask for other groups or more detail
  state: ViewState;
  set: SetState;
  onUp(): void;
}

export function GraphTools({ saved, state, set, onUp }: Props) {
  const groups = groupsOf(state);
  const zoomed = state.zoom !== null;
  const isTree = state.view === "flame" || state.view === "tree";
  return (
    <>
      {!saved && (
        <Choice
          title="Group"
          keyName="g"
          help="What stands as the first frame: a label of the samples"
          value={state.group}
          options={groups.includes(state.group) ? groups : [...groups, state.group]}
          text={(group) => group || "none"}
          onChange={(group) => set({ group, zoom: null })}
        />
      )}
      {(isTree || state.view === "sandwich") && (
        <Choice
          title="Colour"
          keyName="c"
          help="What a frame's colour tells: its file (package), the kind of code, or what its time went to"
          value={coloringOf(state)}
          options={colorsOf(state)}
          text={(by) => by}
          onChange={(colorBy) => set({ colorBy: colorBy as ViewState["colorBy"] })}
        />
      )}
      {state.view !== "waits" && (
        <Choice
          title="Recursion"
          keyName="r"
          help="Calls of a function within itself"
          value={state.recursion}
          options={Object.keys(RECURSIONS)}
          text={(how) => RECURSIONS[how as ViewState["recursion"]]}
          onChange={(how) => set({ recursion: how as ViewState["recursion"], zoom: null })}
        />
      )}
      {!saved && (
        <Choice
          title="Detail"
          help="How many frames the collector sends; the rest is folded into “(other)”"
          value={String(state.nodes)}
          options={NODE_LIMITS.map(String)}
          text={(limit) => `${Number(limit) / 1000}k`}
          onChange={(limit) => set({ nodes: Number(limit) })}
        />
      )}
      {isTree && (
        <>
          <button
            aria-pressed={state.inverted}
            title="From the innermost frames outward: where time is spent first, its callers below (i)"
            onClick={() => set({ inverted: !state.inverted, zoom: null })}
          >
            Inverted <kbd>i</kbd>
          </button>
          <button disabled={!zoomed} onClick={() => set({ zoom: null })} title="Show everything (0)">
            Reset <kbd>0</kbd>
          </button>
          <button disabled={!zoomed} onClick={onUp} title="One frame up (Backspace)">
            Up <kbd>⌫</kbd>
          </button>
        </>
      )}
    </>
  );
}

interface ChoiceProps {
  title: string;
  keyName?: string;
  help: string;
  value: string;
  options: readonly string[];
  text(option: string): string;
  onChange(option: string): void;
}

export function Choice({ title, keyName, help, value, options, text, onChange }: ChoiceProps) {
  return (
    <label class="detail" title={keyName ? `${help} (${keyName})` : help}>
      {title}
      {keyName && <kbd>{keyName}</kbd>}
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option} value={option}>
            {text(option)}
          </option>
        ))}
      </select>
    </label>
  );
}
