// Keys that change what is shown, whatever has the focus.
import type { Window } from "./api";
import { copyText } from "./clipboard";
import { heldAddress } from "./export_dialog";
import { coloringOf, colorsOf, nextGroup, RECURSIONS } from "./graph_tools";
import { KIND_TEXT } from "./kinds";
import { KINDS, moved, THEMES, VIEWS, zoomedTime, type ViewState } from "./url_state";
import type { KeyMap } from "./use_keys";
import type { SetState } from "./use_url_state";

export function pageKeys(state: ViewState, set: SetState, window: Window): KeyMap {
  const views = VIEWS.map((view, i): [string, () => void] => [String(i + 1), () => set({ view })]);
  return {
    ...Object.fromEntries(views),
    ...treeKeys(state, set),
    k: () => set(toKind(next(KINDS, state.kind), state)),
    ".": () => set({ live: !state.live }, "replace"),
    h: () => set(state.pinned ? { pinned: null } : { pinned: window, live: false }),
    "[": () => set({ pinned: moved(window, -1), live: false }),
    "]": () => set({ pinned: moved(window, 1), live: false }),
    "+": () => set({ pinned: zoomedTime(window, 0.5), live: false }),
    "-": () => set({ pinned: zoomedTime(window, 2), live: false }),
    b: () => set(asBase(state, window)),
    u: () => void copyText(heldAddress(state, window)),
    w: () => set({ busyBars: !state.busyBars }, "replace"),
    o: () => set({ overviewShut: !state.overviewShut }, "replace"),
    D: () => set({ theme: next(THEMES, state.theme) }, "replace"),
  };
}

// What is shown now, to compare others with.
export function asBase({ service, labels }: ViewState, window: Window): Partial<ViewState> {
  return { base: window, baseService: service, baseLabels: labels };
}

// Those that need no collector.
export function treeKeys(state: ViewState, set: SetState): KeyMap {
  const recursions = Object.keys(RECURSIONS) as ViewState["recursion"][];
  return {
    g: () => set({ group: nextGroup(state), zoom: null }),
    a: () => set({ exactCase: !state.exactCase }, "replace"),
    c: () => set({ colorBy: next(colorsOf(state), coloringOf(state)) }),
    i: () => set({ inverted: !state.inverted, zoom: null }),
    r: () => set({ recursion: next(recursions, state.recursion), zoom: null }),
    Escape: () => {
      if (state.search !== "" || state.fn !== null) set({ search: "", fn: null });
      else set({ zoom: null });
    },
  };
}

// The choice of a kind, without what only the other kind has.
export function toKind(kind: ViewState["kind"], state: ViewState): Partial<ViewState> {
  if (KIND_TEXT[kind].hasReasons) return { kind, zoom: null };
  const group = ["reason", "syscall"].includes(state.group) ? "" : state.group;
  return { kind, group, zoom: null, reasons: [], colorBy: state.colorBy === "reason" ? "file" : state.colorBy };
}

function next<T>(all: readonly T[], now: T): T {
  return all[(all.indexOf(now) + 1) % all.length]!;
}
