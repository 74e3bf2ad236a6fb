// From what the collector sent to what is shown, worked out again only when a choice changes it.
import { useMemo } from "preact/hooks";
import type { Flame } from "./api";
import { DARK, LIGHT, type Scheme } from "./colors";
import { KIND_TEXT } from "./kinds";
import { FlameLayout } from "./layout";
import { compileSearch } from "./search";
import { isAsSent, shapeTree, type Shape } from "./tree/shape";
import { invert } from "./tree/turned";
import type { ViewState } from "./url_state";
import { useMedia } from "./use_load";

export interface Graph {
  flame: Flame;
  layout: FlameLayout; // of `flame`, as it was sent
  whole: number; // value of all stacks, those included that were not asked for
  underReasons: boolean; // depth 1 of it holds wait reasons
}

export interface Shown {
  plain: FlameLayout; // the stacks asked for, outermost frame first
  seen: FlameLayout; // as the canvas shows them: the same, or inverted
  underReasons: boolean; // depth 1 of `seen` holds wait reasons
  groups: number; // frames at the top of `plain` that are groups and no functions
}

// The label that the collector puts first: reasons also where they are not shown, to filter and colour by them.
export function rootOf(state: ViewState): string {
  if (state.group !== "") return state.group;
  return KIND_TEXT[state.kind].hasReasons ? "reason" : "";
}

function shapeOf(state: ViewState, underReasons: boolean): Shape {
  return {
    underReasons,
    showReasons: state.group === "reason",
    reasons: underReasons ? state.reasons : [],
    focus: compileSearch(state.focus),
    ignore: compileSearch(state.ignore),
    folded: state.folded,
    recursion: state.recursion,
  };
}

// Whether the page shows all stacks that the collector summed up, each as it is: then its lists are of the same.
export function isWhole({ focus, ignore, folded, recursion }: ViewState): boolean {
  return focus === "" && ignore === "" && folded.length === 0 && recursion === "kept";
}

export function shapedLayout({ layout, underReasons }: Graph, state: ViewState): FlameLayout {
  const shape = shapeOf(state, underReasons);
  return isAsSent(shape) ? layout : new FlameLayout(shapeTree(layout, shape), layout.measure);
}

export function useShown(graph: Graph, state: ViewState): Shown {
  const { group, focus, ignore, folded, recursion, inverted } = state;
  const plain = useMemo(
    () => shapedLayout(graph, state),
    [graph, group, state.reasons.join(), focus, ignore, folded.join("\n"), recursion],
  );
  const seen = useMemo(() => (inverted ? new FlameLayout(invert(plain), plain.measure) : plain), [plain, inverted]);
  const grouped = group !== "";
  return { plain, seen, underReasons: group === "reason" && graph.underReasons && !inverted, groups: grouped ? 1 : 0 };
}

export function useScheme(theme: ViewState["theme"]): Scheme {
  const systemIsDark = useMedia("(prefers-color-scheme: dark)");
  return (theme === "system" ? systemIsDark : theme === "dark") ? DARK : LIGHT;
}
