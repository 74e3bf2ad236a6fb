// A timeline as layers that are stacked on each other.
import type { TimeSeries, Timeline } from "../api_time";
import { groupOf } from "../reasons";
import { PARTS } from "../shares";

export interface Layer {
  key: string; // a group of reasons, or a label's value; "" = what has no place of its own
  name: string; // for people
  help: string;
  values: number[]; // by step, of its own
}

const WITHOUT_WORK = ["idle", "sleep"];

// Layers by group of reasons in the order of the overview; groups without time are left out.
export function layersByGroup(timeline: Timeline, busyOnly: boolean): Layer[] {
  const sums = new Map<string, number[]>();
  for (const { value, values } of timeline.series) {
    const group = groupOf(value);
    const sum = sums.get(group) ?? values.map(() => 0);
    sums.set(
      group,
      sum.map((already, step) => already + values[step]!),
    );
  }
  const groups = [...PARTS, { group: "unknown", title: "Unknown", help: "time whose reason is not known" }];
  return groups
    .filter(({ group }) => sums.has(group) && !(busyOnly && WITHOUT_WORK.includes(group)))
    .map(({ group, title, help }) => ({ key: group, name: title, help, values: sums.get(group)! }));
}

export function layersByValue(timeline: Timeline): Layer[] {
  const layers = timeline.series.map((one: TimeSeries) => ({
    key: one.value,
    name: one.value || `no ${timeline.by}`,
    help: "",
    values: one.values,
  }));
  const { rest } = timeline;
  return rest && rest.total > 0 ? [...layers, { key: "", name: "all others", help: "", values: rest.values }] : layers;
}

// For each layer the sum of it and all before it: what a chart draws from the last to the first, one over the other.
// A step without any profile is a gap, not a zero.
export function stacked(layers: Layer[], each: number): (number | null)[][] {
  const steps = layers[0]?.values.length ?? 0;
  const top = new Array<number>(steps).fill(0);
  const rows = layers.map(({ values }) => values.map((value, step) => (top[step]! += value * each)));
  return rows.map((row) => row.map((value, step) => (top[step] === 0 ? null : value)));
}
