// The tree of a profile, and where that is cut to its heaviest nodes and a filter leaves a part of it, that part asked
// for by itself: then all the nodes that the collector sends are of it.
import { fetchFlame, type FlameQuery, type Window } from "./api";
import { KIND_TEXT } from "./kinds";
import { FlameLayout } from "./layout";
import { collectorPattern } from "./search";
import type { ViewState } from "./url_state";
import { useLoad, type Loaded } from "./use_load";
import { rootOf, type Graph } from "./use_shown";

export async function fetchGraph(asked: FlameQuery, window: Window, signal: AbortSignal): Promise<Graph | null> {
  const flame = await fetchFlame(asked, window, signal);
  if (!flame) return null;
  const layout = new FlameLayout(flame, KIND_TEXT[flame.kind].measure);
  return { flame, layout, whole: layout.total[0]!, underReasons: asked.root === "reason" };
}

// `graph`, of all stacks, while there is nothing better.
export function useDetail(
  graph: Loaded<Graph | null>,
  state: ViewState,
  window: Window,
  attempt: number,
): Loaded<Graph | null> {
  const { focus, ignore } = state;
  const isAsked = (focus !== "" || ignore !== "") && (graph.value?.flame.dropped ?? 0) > 0;
  const question = JSON.stringify([graph.question, isAsked, focus, ignore]);
  const patterns = { focus: collectorPattern(focus), ignore: collectorPattern(ignore) };
  const part = useLoad(question, attempt, async (signal) =>
    isAsked ? fetchGraph({ ...state, ...patterns, root: rootOf(state) }, window, signal) : null,
  );
  if (!isAsked || part.question !== question || !part.value) return graph;
  return { ...graph, value: { ...part.value, whole: graph.value!.whole } };
}
