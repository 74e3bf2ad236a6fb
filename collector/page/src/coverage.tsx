// What a graph rests on, and what it leaves out.
import type { Flame } from "./api";
import { count, percent, plural, timeRange } from "./format";
import { KIND_TEXT } from "./kinds";
import type { FlameLayout } from "./layout";

interface Props {
  flame: Flame;
  layout: FlameLayout; // as shown
  whole: number; // before filters
}

export function Coverage({ flame, layout, whole }: Props) {
  const text = KIND_TEXT[flame.kind];
  const shown = layout.total[0]!;
  const parts = [
    timeRange(flame.from_ms, flame.to_ms),
    plural(flame.profiles, "profile"),
    `${text.measure.amount(shown)} ${text.of}`,
    text.average(shown, flame.to_ms - flame.from_ms),
    `${count(layout.size)} frames`,
  ];
  if (shown !== whole) parts.push(`filters leave ${percent(shown, whole)} of ${text.measure.amount(whole)}`);
  if (flame.dropped > 0)
    parts.push(`${percent(flame.dropped, flame.total)} folded into “(other)”: more detail, or a filter, unfolds it`);
  return <p class="coverage">{parts.join(" · ")}</p>;
}
