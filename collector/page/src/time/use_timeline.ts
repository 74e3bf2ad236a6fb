// Timelines and heat maps for components, asked anew when what is asked changes.
import type { Which, Window } from "../api";
import { fetchHeatMap, fetchTimeline } from "../api_time";
import type { ViewState } from "../url_state";
import { useLoad } from "../use_load";

function whichOf({ service, labels, reasons }: ViewState): Which {
  return { service, labels, reasons };
}

// `asked`: whether there is anything to ask for; null else.
export function useTimeline(kind: ViewState["kind"], state: ViewState, by: string, window: Window, asked = true) {
  const which = whichOf(state);
  const question = JSON.stringify([kind, which, by, window, asked]);
  return useLoad(question, 0, async (signal) => (asked ? fetchTimeline(kind, which, by, window, signal) : null));
}

export function useHeatMap(state: ViewState, window: Window) {
  const which = whichOf(state);
  return useLoad(JSON.stringify([which, window]), 0, (signal) => fetchHeatMap("offcpu", which, window, signal));
}
