// How long waits were by reason, counted or estimated; null while that is not known.
import type { Window } from "./api";
import { fetchWaitLengths, type WaitLengths } from "./api_time";
import { stacksOf } from "./time/use_timeline";
import type { ViewState } from "./url_state";
import { useLoad } from "./use_load";

export type Percentiles = ReadonlyMap<string, WaitLengths>;

export function usePercentiles(state: ViewState, window: Window): Percentiles | null {
  const which = stacksOf({ ...state, reasons: [] });
  const question = JSON.stringify([which, window]);
  const lengths = useLoad(question, 0, (signal) => fetchWaitLengths("offcpu", which, window, signal));
  return lengths.value ?? null;
}
