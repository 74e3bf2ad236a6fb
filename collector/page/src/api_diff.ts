// The functions that changed between two profiles, as the collector knows them: of all stacks, with what may be chance.
import { address, get, isNothing, selector, type Which, type Window } from "./api";
import { visible } from "./format";
import type { FunctionChange } from "./tree/changes";
import type { Scale } from "./tree/difference";
import type { Kind } from "./url_state";

export interface Side {
  which: Which;
  window: Window;
}

// Base values are brought to the scale of the others.
interface ChangeRow {
  function: string;
  file: string;
  self: number;
  total: number;
  base_self: number;
  base_total: number;
  self_noise: number | null;
  total_noise: number | null;
}

const MOST_FUNCTIONS = 2000;

// null when one side has nothing.
export async function fetchChanges(
  kind: Kind,
  now: Side,
  base: Side,
  scale: Scale,
  signal: AbortSignal,
): Promise<FunctionChange[] | null> {
  const url = address("/api/v1/diff", {
    kind,
    query: selector(now.which),
    ...now.window,
    base_query: selector(base.which),
    base_from: base.window.from,
    base_to: base.window.to,
    normalize: scale === "share" ? "total" : "time",
    limit: MOST_FUNCTIONS,
    max_nodes: 1,
  });
  try {
    return (await get<{ functions: ChangeRow[] }>(url, signal)).functions.map(changeOf);
  } catch (error) {
    if (isNothing(error)) return null;
    throw error;
  }
}

function changeOf(row: ChangeRow): FunctionChange {
  return {
    name: visible(row.function),
    file: visible(row.file),
    before: { self: row.base_self, total: row.base_total },
    after: { self: row.self, total: row.total },
    noise: { self: row.self_noise, total: row.total_noise },
  };
}
