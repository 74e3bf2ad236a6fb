// The collector's HTTP interface, as far as the page reads it. Values in nanoseconds, instants in Unix milliseconds.
import { visible } from "./format";
import type { Span } from "./url_fields";
import type { Kind } from "./url_state";

export interface Series {
  kind: Kind;
  labels: Record<string, string>;
  profiles: number;
  first_ms: number;
  last_ms: number;
}

// Nodes depth first: a parent before its children, siblings heaviest first; node 0 is the root at depth 0.
export interface FlameColumns {
  names: string[];
  files: string[];
  depth: number[];
  total_values: number[];
  self_values: number[];
  waits?: number[]; // of off-CPU profiles: that ended in the node and all below it; 0 of "(other)"
  name: number[];
  file: number[];
  inlined?: number[]; // the nodes whose code the compiler put into that of their parents
  reasons?: string[]; // of a tree without reasons as frames: what most of each node's time went to,
  reason?: number[]; // as an index into `reasons`, -1 where it is not known
}

export interface Flame extends FlameColumns {
  kind: Kind;
  unit: string;
  sample_type: string;
  total: number;
  from_ms: number;
  to_ms: number;
  profiles: number;
  comments: string[];
  dropped: number; // value in "(other)" frames
}

export interface ServiceTime {
  service: string;
  groups: Partial<Record<string, number>>; // nanoseconds by group of reasons; what is 0 may be left out
  wall_ns: number; // sum of these
}

export interface Overview {
  services: ServiceTime[];
  from_ms: number;
  to_ms: number;
  profiles: number;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export type Window = Span;

// What series are asked for: a service (every one when null) and further matchers, as they were typed.
export interface Which {
  service: string | null;
  labels: string;
  reasons?: readonly string[]; // of samples; all when empty
}

export function selector({ service, labels, reasons = [] }: Which): string {
  const typed = labels.trim().replace(/^\{|\}$/g, "");
  const matchers = [
    ...(service === null ? [] : [`service_name=${quoted(service)}`]),
    ...(typed === "" ? [] : [typed]),
    ...(reasons.length === 0 ? [] : [`reason=~${quoted(reasons.join("|"))}`]),
  ];
  return matchers.length === 0 ? "" : `{${matchers.join(", ")}}`;
}

function quoted(text: string): string {
  return `"${text.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n")}"`;
}

export function address(path: string, parameters: Record<string, string | number>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== "") query.set(key, String(value));
  return `${path}?${query}`;
}

export async function get<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(url, { signal, headers: { accept: "application/json" } }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new ApiError(0, "it cannot be reached; is sonde-collector still running?");
  });
  if (response.ok) return (await response.json()) as T;
  const text = await response.text();
  let reason = text.slice(0, 300);
  try {
    reason = String((JSON.parse(text) as { error?: unknown }).error ?? reason);
  } catch {
    // Not the collector's own words (a proxy's, perhaps): shown as they came.
  }
  throw new ApiError(response.status, visible(reason) || `status ${response.status}`);
}

// Whether the collector says that nothing is stored for the question.
export function isNothing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

export async function fetchSeries(window: Window, signal: AbortSignal): Promise<Series[]> {
  return (await get<{ series: Series[] }>(address("/api/v1/series", { ...window }), signal)).series;
}

export function fetchOverview(window: Window, signal: AbortSignal): Promise<Overview> {
  return get<Overview>(address("/api/v1/overview", { ...window }), signal);
}

export interface FlameQuery extends Which {
  kind: Kind;
  nodes: number;
  root: string; // label whose values are the first frames; "" = none
  focus: string; // only stacks with a frame that this finds, a regular expression; "" = all
  ignore: string; // and none that this finds
}

// null when nothing is stored for the query.
export async function fetchFlame(query: FlameQuery, window: Window, signal: AbortSignal): Promise<Flame | null> {
  const parameters = {
    kind: query.kind,
    // Where reasons are the first frames, the page itself leaves some out, and knows the share of all.
    query: selector(query.root === "reason" ? { ...query, reasons: [] } : query),
    ...window,
    max_nodes: query.nodes,
    root: query.root,
    focus: query.focus,
    ignore: query.ignore,
  };
  try {
    const flame = await get<Flame>(address("/api/v1/flamegraph", parameters), signal);
    return { ...flame, names: flame.names.map(visible), files: flame.files.map(visible) };
  } catch (error) {
    if (isNothing(error)) return null;
    throw error;
  }
}

export function pprofAddress(kind: Kind, which: Which, window: Window): string {
  return address(`/pprof/${kind}`, { query: selector(which), ...window });
}
