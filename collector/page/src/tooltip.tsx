// What is known about one frame, beside the pointer or the keyboard's frame.
import { useLayoutEffect, useRef } from "preact/hooks";
import { duration, percent, plural } from "./format";
import { signedShare } from "./frame_colors";
import type { FlameLayout } from "./layout";

export interface TooltipPlace {
  node: number;
  x: number; // in the window
  y: number;
}

const GAP = 14;

interface Props {
  layout: FlameLayout;
  place: TooltipPlace;
  viewRoot: number;
}

export function Tooltip({ layout, place, viewRoot }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current!;
    const { width, height } = element.getBoundingClientRect();
    const below = place.y + GAP + height < innerHeight;
    const left = Math.max(8, Math.min(place.x + GAP, innerWidth - width - 8));
    element.style.transform = `translate(${left}px, ${below ? place.y + GAP : Math.max(8, place.y - GAP - height)}px)`;
  });
  const { node } = place;
  const self = layout.self[node]!;
  const total = layout.total[node]!;
  const view = layout.total[viewRoot]!;
  const all = layout.total[0]!;
  const { change } = layout;
  return (
    <div class="tooltip" ref={box} role="tooltip">
      <div class="tooltip-name">{layout.nameOf(node)}</div>
      <div class="tooltip-file">
        {fileText(layout, node)}
        {layout.inlined.has(node) && " · inlined"}
      </div>
      <table>
        <thead>
          <tr>
            <td />
            <th>{layout.measure.noun}</th>
            <th>of view</th>
            <th>of all</th>
          </tr>
        </thead>
        <tbody>
          {change && <Side title="before" values={change.before} {...{ layout, node, viewRoot }} />}
          {change && <Side title="now" values={change.after} {...{ layout, node, viewRoot }} />}
          {!change && <Line title="total" amount={layout.measure.amount} value={total} view={view} all={all} />}
          {!change && <Line title="self" amount={layout.measure.amount} value={self} view={view} all={all} />}
        </tbody>
      </table>
      {change && <div class="tooltip-waits">{changeText(layout, node)}</div>}
      {layout.reasonOf(node) !== "" && <div class="tooltip-waits">mostly {layout.reasonOf(node)}</div>}
      {layout.waits[node]! > 0 && <div class="tooltip-waits">{waitsText(layout, node)}</div>}
    </div>
  );
}

interface SideProps {
  title: string;
  values: Float64Array;
  layout: FlameLayout;
  node: number;
  viewRoot: number;
}

function Side({ title, values, layout, node, viewRoot }: SideProps) {
  const { amount } = layout.measure;
  return <Line title={title} amount={amount} value={values[node]!} view={values[viewRoot]!} all={values[0]!} />;
}

function changeText(layout: FlameLayout, node: number): string {
  const { before, after } = layout.change!;
  const change = after[node]! - before[node]!;
  const share = signedShare(layout.change!, node) || "±0.0%";
  return `${change > 0 ? "+" : ""}${layout.measure.amount(change)}, ${share} of the whole`;
}

interface LineProps {
  title: string;
  amount: (value: number) => string;
  value: number;
  view: number;
  all: number;
}

function Line({ title, amount, value, view, all }: LineProps) {
  return (
    <tr>
      <th>{title}</th>
      <td>{amount(value)}</td>
      <td>{value > view ? "–" : percent(value, view)}</td>
      <td>{percent(value, all)}</td>
    </tr>
  );
}

function fileText(layout: FlameLayout, node: number): string {
  if (node === 0) return "all that is shown here";
  if (layout.nameOf(node) === "(other)") return "frames too small to be sent one by one";
  return layout.fileOf(node) || "no file known";
}

// Profiles have no lengths of single waits, so a mean is all there is; time of waits that did not end is in it.
function waitsText(layout: FlameLayout, node: number): string {
  const waits = layout.waits[node]!;
  return `${plural(waits, "wait")} ended; ${duration(layout.total[node]! / waits)} of this time for each`;
}

// The same as one sentence, for those who listen.
export function describe(layout: FlameLayout, node: number, viewRoot: number): string {
  const share = percent(layout.total[node]!, layout.total[viewRoot]!);
  if (layout.change) return `${layout.nameOf(node)}, ${changeText(layout, node)}`;
  const waits = layout.waits[node]! > 0 ? `, ${waitsText(layout, node)}` : "";
  return `${layout.nameOf(node)}, total ${layout.measure.amount(layout.total[node]!)}, ${share} of view${waits}`;
}
