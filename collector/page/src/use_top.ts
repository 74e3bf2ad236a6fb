// The heaviest functions as the collector knows them, of all stacks: the tree that the page has is cut to its heaviest
// nodes, and what is folded into "(other)" has no function.
import { address, get, isNothing, selector, type Which, type Window } from "./api";
import { visible } from "./format";
import type { FunctionRow } from "./top_functions";
import type { ViewState } from "./url_state";
import { useLoad } from "./use_load";
import { isWhole } from "./use_shown";

const MOST_FUNCTIONS = 1000;

async function fetchTop(state: ViewState, window: Window, signal: AbortSignal): Promise<FunctionRow[] | null> {
  const which: Which = { service: state.service, labels: state.labels, reasons: state.reasons };
  const url = address("/api/v1/top", { kind: state.kind, query: selector(which), ...window, limit: MOST_FUNCTIONS });
  try {
    const { functions } = await get<{ functions: { function: string; file: string; self: number; total: number }[] }>(
      url,
      signal,
    );
    return functions.map(({ function: name, file, self, total }) => ({
      name: visible(name),
      file: visible(file),
      self,
      total,
      waits: 0,
    }));
  } catch (error) {
    if (isNothing(error)) return null;
    throw error;
  }
}

// null where the page leaves stacks out or changes them, or while the answer is not here. `isCut`: whether the tree is.
export function useTop(state: ViewState, window: Window, isCut: boolean): FunctionRow[] | null {
  const asked = isCut && isWhole(state);
  const question = JSON.stringify([state.kind, state.service, state.labels, state.reasons, window, asked]);
  const top = useLoad(question, 0, async (signal) => (asked ? fetchTop(state, window, signal) : null));
  return top.question === question ? (top.value ?? null) : null;
}
