// What can be done with one frame: the same by key, while it is pointed at, and in its menu.
import type { FlameLayout } from "./layout";
import { escapeRegex } from "./search";
import type { SetState } from "./use_url_state";

export interface FrameAction {
  key: string;
  title: string;
  run(node: number): void;
}

export function exactly(text: string): string {
  return `^${escapeRegex(text)}$`;
}

// Outermost function first, as folded stacks are written.
function stackOf(layout: FlameLayout, node: number): string {
  const frames = layout.pathTo(node).slice(1);
  return frames.map((frame) => layout.nameOf(frame)).join(";");
}

// `folded`: the functions that are folded now.
export function frameActions(
  layout: FlameLayout,
  folded: readonly string[],
  set: SetState,
  copy: (text: string) => void,
): FrameAction[] {
  const name = (node: number) => layout.nameOf(node);
  return [
    { key: "Enter", title: "Zoom to it", run: (node) => set({ zoom: layout.pathKey(node) }) },
    { key: "f", title: "Only stacks with it", run: (node) => set({ focus: exactly(name(node)), zoom: null }) },
    { key: "x", title: "Drop stacks with it", run: (node) => set({ ignore: exactly(name(node)), zoom: null }) },
    {
      key: "C",
      title: "Fold what it calls into it, or unfold",
      run: (node) => set({ folded: toggled(folded, name(node)), zoom: null }),
    },
    {
      key: "s",
      title: "Its callers and callees",
      run: (node) => set({ fn: name(node), search: "", view: "sandwich" }),
    },
    { key: "t", title: "Show it in the table", run: (node) => set({ fn: name(node), search: "", view: "table" }) },
    { key: "v", title: "Show it over time", run: (node) => set({ focus: exactly(name(node)), view: "time" }) },
    { key: "y", title: "Copy its name", run: (node) => copy(name(node)) },
    { key: "Y", title: "Copy its stack", run: (node) => copy(stackOf(layout, node)) },
  ];
}

function toggled(all: readonly string[], one: string): string[] {
  return all.includes(one) ? all.filter((other) => other !== one) : [...all, one];
}
