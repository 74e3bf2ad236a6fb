// Everything a reader can choose, and its form in the address bar: what is not at its default is in the query string.
import { asSelected, flag, list, number, oneOf, optional, span, text, texts, type Field, type Span } from "./url_fields";

export const KINDS = ["cpu", "offcpu", "wall", "faults"] as const;
export type Kind = (typeof KINDS)[number];

export const RANGES: Readonly<Record<string, number>> = {
  "5m": 5 * 60e3,
  "15m": 15 * 60e3,
  "1h": 3600e3,
  "6h": 6 * 3600e3,
  "24h": 24 * 3600e3,
  "7d": 7 * 24 * 3600e3,
};
export const NODE_LIMITS: readonly number[] = [1000, 10000, 50000];
export const VIEWS = ["flame", "table", "sandwich", "time", "diff", "waits", "tree"] as const;
export type View = (typeof VIEWS)[number];
export const COLORS = ["file", "kind", "reason"] as const;
export type ColorBy = (typeof COLORS)[number];
export const THEMES = ["system", "light", "dark"] as const;

const OVERVIEW_COLUMNS = [
  "service",
  "on_cpu",
  "run_queue",
  "disk",
  "network",
  "ipc",
  "lock",
  "sleep",
  "other",
  "idle",
  "wall",
] as const;
export type OverviewColumn = (typeof OVERVIEW_COLUMNS)[number];

export interface ViewState {
  view: View;
  kind: Kind;
  range: string; // a key of RANGES, ending now
  pinned: Span | null; // Unix milliseconds; instead of `range`
  service: string | null; // null = all; "" = profiles without the label
  labels: string; // matchers besides the service: `node="a", unit=~"x.*"`
  group: string; // label whose values are the first frames; "" = none
  reasons: string[]; // only these wait reasons; empty = all
  focus: string; // only stacks with such a function or file
  ignore: string; // no stacks with such a function or file
  folded: string[]; // functions that what they call is part of
  recursion: "kept" | "direct" | "merged";
  inverted: boolean; // from the innermost frames outward
  nodes: number; // one of NODE_LIMITS
  colorBy: ColorBy;
  zoom: string | null; // FlameLayout.pathKey of the frame that fills the width
  search: string;
  exactCase: boolean; // capital letters matter in it, also when it has none
  fn: string | null; // the function whose frames are picked out, and the one in the middle of the sandwich
  base: Span | null; // what diff compares with; null = as baseWindow() has it
  baseService: string | null; // null = the same
  baseLabels: string | null; // null = the same
  scale: "share" | "rate"; // diff: of each side's total, or of each second
  timeBy: string; // label that the time view divides by
  heatOf: "waits" | "values"; // what the heat map's colour tells: how many, or how long together
  sortOverview: OverviewColumn;
  sortTable: "self" | "total";
  overviewShut: boolean;
  allServices: boolean; // the overview lists every service
  busyBars: boolean; // the overview's bars leave out time without work
  live: boolean;
  theme: (typeof THEMES)[number];
}

const FIELDS: { [K in keyof ViewState]: Field<ViewState[K]> } = {
  view: oneOf("view", VIEWS, "flame"),
  kind: oneOf("kind", KINDS, "cpu"),
  range: oneOf("range", Object.keys(RANGES), "15m"),
  pinned: span("from", "to"),
  service: optional("service"),
  labels: text("labels"),
  group: text("root"),
  reasons: list("reasons"),
  focus: text("focus"),
  ignore: text("ignore"),
  folded: texts("fold"),
  recursion: oneOf("recursion", ["kept", "direct", "merged"], "kept"),
  inverted: flag("inverted"),
  nodes: number("nodes", NODE_LIMITS, 10000),
  colorBy: oneOf("color", COLORS, "file"),
  zoom: optional("zoom"),
  search: text("search"),
  exactCase: flag("case"),
  fn: optional("fn"),
  base: span("base_from", "base_to"),
  baseService: optional("base_service"),
  baseLabels: optional("base_labels"),
  scale: oneOf("scale", ["share", "rate"], "share"),
  timeBy: text("time_by", "reason"),
  heatOf: oneOf("heat", ["waits", "values"], "waits"),
  sortOverview: oneOf("services_by", OVERVIEW_COLUMNS, "on_cpu"),
  sortTable: oneOf("top_by", ["self", "total"], "self"),
  overviewShut: asSelected("overview", "shut"),
  allServices: asSelected("services", "all"),
  busyBars: asSelected("bars", "busy"),
  live: flag("live"),
  theme: oneOf("theme", THEMES, "system"),
};

// Takes any text; what it does not understand is at its default.
export function parseState(query: string): ViewState {
  const given = new URLSearchParams(query);
  return Object.fromEntries(
    Object.entries(FIELDS).map(([name, field]) => [name, field.parse(given)]),
  ) as unknown as ViewState;
}

export const DEFAULTS: ViewState = parseState("");

// "" at the defaults, else "?kind=wall&…"; parseState(formatState(s)) is s.
export function formatState(state: ViewState): string {
  const query = new URLSearchParams();
  for (const name of Object.keys(FIELDS) as (keyof ViewState)[]) {
    (FIELDS[name] as Field<unknown>).format(state[name], query);
  }
  const formatted = query.toString();
  return formatted === "" ? "" : `?${formatted}`;
}

// The window that `s` shows at the instant `now`, Unix milliseconds.
export function windowOf(s: ViewState, now: number): Span {
  return s.pinned ?? { from: now - RANGES[s.range]!, to: now };
}

// Half or twice the length of time (factor 0.5 or 2), around the same middle.
export function zoomedTime(window: Span, factor: number): Span {
  const [middle, half] = [(window.from + window.to) / 2, (factor * (window.to - window.from)) / 2];
  return { from: Math.round(middle - half), to: Math.round(middle + half) };
}

// The same length of time, `steps` lengths later (earlier when negative).
export function moved(window: Span, steps: number): Span {
  const length = window.to - window.from;
  return { from: window.from + steps * length, to: window.to + steps * length };
}

// What a difference is taken from: other labels or another service at the same time, the same ones just before.
export function baseWindow({ base, baseService, baseLabels }: ViewState, window: Span): Span {
  return base ?? (baseService !== null || baseLabels !== null ? window : moved(window, -1));
}

// Midnight to midnight of the day that is `daysAgo` before the one of `now`, in the reader's time zone; today ends now.
export function dayOf(now: number, daysAgo: number): Span {
  const begin = new Date(now);
  begin.setHours(0, 0, 0, 0);
  begin.setDate(begin.getDate() - daysAgo);
  const end = new Date(begin);
  end.setDate(end.getDate() + 1);
  return { from: begin.getTime(), to: Math.min(end.getTime(), now) };
}
