// What a reader must know before believing a graph: stacks that were cut, functions without names, time without profiles.
import type { Flame, Window } from "./api";
import { percent, timeRange } from "./format";
import type { FlameLayout } from "./layout";

const LATE_MS = 150_000; // a window of a minute, its push, and as much again
const WORTH_SAYING = 0.001; // of the whole

export function shortcomings(flame: Flame, layout: FlameLayout, window: Window): string[] {
  return [...missingTime(flame, window), ...missingParts(layout)];
}

function missingTime(flame: Flame, window: Window): string[] {
  const said: string[] = [];
  const late = Math.max(LATE_MS, 0.02 * (window.to - window.from));
  if (flame.from_ms - window.from > late) {
    said.push(`window incomplete: nothing is stored for ${timeRange(window.from, flame.from_ms)}`);
  }
  if (window.to - flame.to_ms > late) {
    said.push(
      `window incomplete: nothing is stored for ${timeRange(flame.to_ms, window.to)}; if that is the present, ` +
        "“agentctl status” tells whether the agent runs",
    );
  }
  return said;
}

function isNameless(name: string): boolean {
  return /\+0x[0-9a-f]+$/.test(name) || name === "[anon]" || name === "[unknown]";
}

// What the agent writes where a stack would be.
const MARKERS: [begins: string, says: (share: string) => string][] = [
  ["[stack cut", (share) => `stacks cut: ${share} stand under “[stack cut: …]”, without the callers further out`],
  [
    "[stack not drawn",
    (share) => `stacks not drawn: of ${share} the agent kept time and reason alone, to stay within its budget`,
  ],
  ["[stack lost]", (share) => `stacks lost: of ${share} only time and reason are known`],
];

function missingParts(layout: FlameLayout): string[] {
  const marked = MARKERS.map(() => 0);
  let nameless = 0;
  for (let node = 1; node < layout.size; node++) {
    const name = layout.nameOf(node);
    if (isNameless(name)) nameless += layout.self[node]!;
    const marker = MARKERS.findIndex(([begins]) => name.startsWith(begins));
    if (marker >= 0) marked[marker]! += layout.total[node]!;
  }
  const all = layout.total[0]!;
  const said = MARKERS.map(([, says], i) => (marked[i]! > WORTH_SAYING * all ? says(percent(marked[i]!, all)) : ""));
  if (nameless > WORTH_SAYING * all) {
    said.push(
      `symbols missing: ${percent(nameless, all)} end in functions without a name (file+0x…); debug packages, or a perf ` +
        "map of a compiler at run time, give them one",
    );
  }
  return said.filter((text) => text !== "");
}
