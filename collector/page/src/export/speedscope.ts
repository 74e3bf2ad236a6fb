// The file format of speedscope, https://www.speedscope.app/file-format-schema.json
import type { FlameLayout } from "../layout";

export interface SpeedscopeText {
  title: string;
  unit: "nanoseconds" | "bytes" | "none";
}

export function speedscopeText(layout: FlameLayout, { title, unit }: SpeedscopeText): string {
  const frames: { name: string; file?: string }[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (node: number) => {
    const key = `${layout.name[node]} ${layout.file[node]}`;
    let number = numbers.get(key);
    if (number === undefined) {
      const file = layout.fileOf(node);
      number = frames.push(file === "" ? { name: layout.nameOf(node) } : { name: layout.nameOf(node), file }) - 1;
      numbers.set(key, number);
    }
    return number;
  };
  const samples: number[][] = [];
  const weights: number[] = [];
  for (let node = 1; node < layout.size; node++) {
    if (layout.self[node] === 0) continue;
    samples.push(layout.pathTo(node).slice(1).map(numberOf));
    weights.push(Math.round(layout.self[node]!));
  }
  return JSON.stringify({
    $schema: "https://www.speedscope.app/file-format-schema.json",
    shared: { frames },
    profiles: [
      {
        type: "sampled",
        name: title,
        unit,
        startValue: 0,
        endValue: weights.reduce((a, b) => a + b, 0),
        samples,
        weights,
      },
    ],
    name: title,
    exporter: "sonde",
  });
}
