// Everything a reader can choose, and its form in the address bar: what is not at its default is in the query string.

export type Kind = "cpu" | "offcpu" | "wall" | "faults";
export const KINDS: readonly Kind[] = ["cpu", "offcpu", "wall", "faults"];

export const RANGES: Readonly<Record<string, number>> = {
  "5m": 5 * 60e3,
  "15m": 15 * 60e3,
  "1h": 3600e3,
  "6h": 6 * 3600e3,
  "24h": 24 * 3600e3,
};
export const NODE_LIMITS: readonly number[] = [1000, 10000, 50000];

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
  kind: Kind;
  range: string; // a key of RANGES, ending now
  pinned: { from: number; to: number } | null; // Unix milliseconds; instead of `range`
  service: string | null; // null = all; "" = profiles without the label
  byReason: boolean; // wait reason as the first frame
  nodes: number; // one of NODE_LIMITS
  zoom: string | null; // FlameLayout.pathKey of the frame that fills the width
  search: string;
  fn: string | null; // the function whose frames are picked out
  sortOverview: OverviewColumn;
  sortTable: "self" | "total";
  allServices: boolean; // the overview lists every service
  busyBars: boolean; // the overview's bars leave out time without work
  live: boolean;
}

export const DEFAULTS: ViewState = {
  kind: "cpu",
  range: "15m",
  pinned: null,
  service: null,
  byReason: false,
  nodes: 10000,
  zoom: null,
  search: "",
  fn: null,
  sortOverview: "on_cpu",
  sortTable: "self",
  allServices: false,
  busyBars: false,
  live: false,
};

function pick<T extends string>(value: string | null, allowed: readonly string[], otherwise: T): T {
  return value !== null && allowed.includes(value) ? (value as T) : otherwise;
}

function parsePinned(query: URLSearchParams): ViewState["pinned"] {
  const from = Number(query.get("from"));
  const to = Number(query.get("to"));
  return Number.isSafeInteger(from) && Number.isSafeInteger(to) && from > 0 && from < to ? { from, to } : null;
}

// Takes any text; what it does not understand is at its default.
export function parseState(text: string): ViewState {
  const query = new URLSearchParams(text);
  const nodes = Number(query.get("nodes"));
  return {
    kind: pick(query.get("kind"), KINDS, DEFAULTS.kind),
    range: pick(query.get("range"), Object.keys(RANGES), DEFAULTS.range),
    pinned: parsePinned(query),
    service: query.get("service"),
    byReason: query.get("root") === "reason",
    nodes: NODE_LIMITS.includes(nodes) ? nodes : DEFAULTS.nodes,
    zoom: query.get("zoom"),
    search: query.get("search") ?? "",
    fn: query.get("fn"),
    sortOverview: pick(query.get("services_by"), OVERVIEW_COLUMNS, DEFAULTS.sortOverview),
    sortTable: pick(query.get("top_by"), ["self", "total"], DEFAULTS.sortTable),
    allServices: query.get("services") === "all",
    busyBars: query.get("bars") === "busy",
    live: query.get("live") === "1",
  };
}

// "" at the defaults, else "?kind=wall&…"; parseState(formatState(s)) is s.
export function formatState(s: ViewState): string {
  const query = new URLSearchParams();
  const put = (key: string, value: string, standard: string | null) => {
    if (value !== standard) query.set(key, value);
  };
  put("kind", s.kind, DEFAULTS.kind);
  put("range", s.range, DEFAULTS.range);
  if (s.pinned) {
    query.set("from", String(s.pinned.from));
    query.set("to", String(s.pinned.to));
  }
  if (s.service !== null) query.set("service", s.service);
  if (s.byReason) query.set("root", "reason");
  put("nodes", String(s.nodes), String(DEFAULTS.nodes));
  if (s.zoom !== null) query.set("zoom", s.zoom);
  put("search", s.search, "");
  if (s.fn !== null) query.set("fn", s.fn);
  put("services_by", s.sortOverview, DEFAULTS.sortOverview);
  put("top_by", s.sortTable, DEFAULTS.sortTable);
  if (s.allServices) query.set("services", "all");
  if (s.busyBars) query.set("bars", "busy");
  if (s.live) query.set("live", "1");
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

// The window that `s` shows at the instant `now`, Unix milliseconds.
export function windowOf(s: ViewState, now: number): { from: number; to: number } {
  return s.pinned ?? { from: now - RANGES[s.range]!, to: now };
}
