// Timelines and heat maps for components, asked anew when what is asked changes.
import type { Window } from "../api";
import { fetchHeatMap, fetchTimeline, type WhichStacks } from "../api_time";
import { collectorPattern } from "../search";
import type { ViewState } from "../url_state";
import { useLoad } from "../use_load";

export function stacksOf({ service, labels, reasons, focus, ignore }: ViewState): WhichStacks {
  return { service, labels, reasons, focus: collectorPattern(focus), ignore: collectorPattern(ignore) };
}

// `asked`: whether there is anything to ask for; null else.
export function useTimeline(kind: ViewState["kind"], state: ViewState, by: string, window: Window, asked = true) {
  const which = stacksOf(state);
  const question = JSON.stringify([kind, which, by, window, asked]);
  return useLoad(question, 0, async (signal) => (asked ? fetchTimeline(kind, which, by, window, signal) : null));
}

export function useHeatMap(state: ViewState, window: Window) {
  const which = stacksOf(state);
  return useLoad(JSON.stringify([which, window]), 0, (signal) => fetchHeatMap("offcpu", which, window, signal));
}
